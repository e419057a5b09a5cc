package io.kvferry.backend.mooncake;

import io.kvferry.netty.BlockCursor;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;

/** Blocks of one transfer that one lane moves, request by request. Confined to the lane's event loop. */
final class BlockStream {
    private final WireTransfer transfer;
    private final RemoteBlocks remote;
    private final BlockCursor cursor;
    private final int end;
    private int block;
    private long inBlock;

    BlockStream(WireTransfer transfer, RemoteBlocks remote, BlockRange range) {
        this.transfer = transfer;
        this.remote = remote;
        this.cursor = transfer.newCursor();
        this.block = range.first();
        this.end = range.end();
    }

    WireTransfer transfer() {
        return transfer;
    }

    RemoteBlocks remote() {
        return remote;
    }

    boolean hasNext() {
        return block < end;
    }

    /** Where the next request starts at the target. */
    long address() {
        return remote.address(block) + inBlock;
    }

    /** Fills a message with the next request's payload; returns the request. */
    Exchange nextWrite(OutMessage message, int maxBytes) {
        int first = block;
        long address = address();
        int stop = remote.endOfRun(block, end);
        cursor.moveTo(block, inBlock);
        int size = 0;
        do {
            cursor.nextSpan(stop, maxBytes - size);
            message.addSpan(cursor.memory(), cursor.start(), cursor.length());
            size += cursor.length();
        } while (size < maxBytes && !message.isFull() && cursor.block() < stop);
        long startInBlock = inBlock;
        block = cursor.block();
        inBlock = cursor.inBlock();
        return new Exchange(this, Exchange.Kind.WRITE, address, first, startInBlock, block - first, size);
    }

    /** Returns the next request, which asks for payload. */
    Exchange nextRead(int maxBytes) {
        BlockList blocks = transfer.blocks();
        int first = block;
        long startInBlock = inBlock;
        long address = address();
        int stop = remote.endOfRun(block, end);
        int size = 0;
        while (size < maxBytes && block < stop) {
            long take = Math.min(blocks.length(block) - inBlock, maxBytes - size);
            size += (int) take;
            inBlock += take;
            if (inBlock == blocks.length(block)) {
                block++;
                inBlock = 0;
            }
        }
        return new Exchange(this, Exchange.Kind.READ, address, first, startInBlock, block - first, size);
    }
}
