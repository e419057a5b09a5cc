package io.kvferry.backend.inprocess;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.ByteBuffer;

/** The two messages of two-sided mode: each names a range of blocks. */
enum RangeMessage {
    /** Initiator to target: these blocks are ready to be copied. */
    ANNOUNCE(1),
    /** Target to initiator: these blocks are applied. */
    LANDED(2);

    private static final int BYTES = 1 + 2 * Integer.BYTES;

    private final byte type;

    RangeMessage(int type) {
        this.type = (byte) type;
    }

    byte[] encode(BlockRange range) {
        return ByteBuffer.allocate(BYTES)
                .put(type)
                .putInt(range.first())
                .putInt(range.count())
                .array();
    }

    /** Reads a message of this kind, for a transfer of {@code blocks} blocks. */
    BlockRange decode(byte[] message, int blocks) {
        ByteBuffer bytes = ByteBuffer.wrap(message);
        if (message.length != BYTES || bytes.get() != type) {
            throw protocolError("expected " + this + " in " + BYTES + " bytes, got " + message.length + " bytes");
        }
        int first = bytes.getInt();
        int count = bytes.getInt();
        if (first < 0 || count < 1 || first > blocks - count) {
            throw protocolError(this + " of blocks " + first + " +" + count + " in a transfer of " + blocks);
        }
        return new BlockRange(first, count);
    }

    static TransferException protocolError(String detail) {
        return new TransferException(TransferErrorCode.PROTOCOL_ERROR, Stage.TRANSFER, detail);
    }
}
