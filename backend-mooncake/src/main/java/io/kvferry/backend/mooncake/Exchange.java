package io.kvferry.backend.mooncake;

/** One request and what it needs to be done: an answer, and that no channel refers to its payload. Confined to its lane's event loop. */
final class Exchange {
    enum Kind {
        WRITE,
        READ,
        /** A READ of one byte whose answer proves the WRITEs before it. */
        PROBE
    }

    private final BlockStream stream;
    private final Kind kind;
    private final long address;
    private final int firstBlock;
    private final long inBlock;
    private final int blocks;
    private final int size;
    private boolean flushed;
    private boolean answered;

    /** @param blocks how many blocks, from the first on, are complete once this request is done */
    Exchange(BlockStream stream, Kind kind, long address, int firstBlock, long inBlock, int blocks, int size) {
        this.stream = stream;
        this.kind = kind;
        this.address = address;
        this.firstBlock = firstBlock;
        this.inBlock = inBlock;
        this.blocks = blocks;
        this.size = size;
    }

    WireTransfer transfer() {
        return stream.transfer();
    }

    BlockStream stream() {
        return stream;
    }

    Kind kind() {
        return kind;
    }

    /** Whether payload comes back. */
    boolean asksForPayload() {
        return kind != Kind.WRITE;
    }

    long address() {
        return address;
    }

    int firstBlock() {
        return firstBlock;
    }

    long inBlock() {
        return inBlock;
    }

    int size() {
        return size;
    }

    /** No channel refers to the payload any more. */
    void flushed() {
        flushed = true;
        reportIfDone();
    }

    /** The target has answered that all is well. */
    void answered() {
        answered = true;
        reportIfDone();
    }

    boolean isFlushed() {
        return flushed;
    }

    private void reportIfDone() {
        if (flushed && answered && blocks > 0) {
            transfer().tally().applied(firstBlock, blocks);
        }
    }

    @Override
    public String toString() {
        return kind + " of " + size + " bytes at 0x" + Long.toHexString(address);
    }
}
