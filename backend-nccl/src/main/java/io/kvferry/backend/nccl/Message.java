package io.kvferry.backend.nccl;

import io.kvferry.backend.nccl.adapter.NcclAdapter;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * What the two sides of a transfer say to each other over its channel. A type byte, then the fields, big-endian; bytes behind
 * the known fields are ignored, so that later versions can add some. Immutable.
 */
sealed interface Message {
    /** No peer groups more blocks into one part. */
    int MAX_PART_BLOCKS = 4096;

    /** No peer has more parts of one transfer under way. */
    int MAX_WINDOW = 256;

    /** In place of a checksum where none is asked for. */
    long NO_CHECKSUM = -1;

    /** Longest text of a refusal that is sent or believed. */
    int MAX_DETAIL_BYTES = 512;

    /**
     * Initiator to target: join a communicator. Sent when the initiator enters itself.
     *
     * @param connection the initiator's number for it
     * @param ranks of how many: two, or one of an engine with itself
     * @param rank which the target is: the last
     */
    record Join(long connection, int ranks, int rank, UniqueId uniqueId) implements Message {}

    /** Target to initiator: it has begun to connect too. */
    record Joined(long connection) implements Message {}

    /** Target to initiator: it could not begin, or has come to nothing. */
    record NotJoined(long connection, int code, String detail) implements Message {}

    /**
     * Initiator to target: these blocks are ready here, to be sent or to be filled.
     *
     * @param bytes of all of them, so that a disagreement is found before the GPU hangs on it
     * @param checksum of the bytes to be sent, or {@link #NO_CHECKSUM}
     */
    record Request(long connection, BlockRange range, long bytes, long checksum) implements Message {}

    /**
     * Target to initiator: the other half has this number on the connection; post yours in its turn.
     *
     * @param checksum of the bytes to be received, or {@link #NO_CHECKSUM}
     */
    record Ready(BlockRange range, long sequence, long checksum) implements Message {}

    /** Target to initiator: nothing is posted for these blocks, and nothing will be. */
    record Refused(BlockRange range, int code, String detail) implements Message {}

    /** Target to initiator: these blocks have arrived in its memory. */
    record Landed(BlockRange range) implements Message {}

    /** Either way: the sender has aborted its half of a connection, open or not. */
    record Aborted(long connection, String detail) implements Message {}

    /** The type byte. */
    private byte type() {
        return switch (this) {
            case Join m -> 1;
            case Joined m -> 2;
            case NotJoined m -> 3;
            case Request m -> 4;
            case Ready m -> 5;
            case Refused m -> 6;
            case Landed m -> 7;
            case Aborted m -> 8;
        };
    }

    /** Writes it. */
    default byte[] encode() {
        ByteBuffer out = ByteBuffer.allocate(1 + 24 + NcclAdapter.ID_BYTES + MAX_DETAIL_BYTES);
        out.put(type());
        switch (this) {
            case Join m ->
                out.putLong(m.connection).putInt(m.ranks).putInt(m.rank).put(m.uniqueId.bytes());
            case Joined m -> out.putLong(m.connection);
            case NotJoined m -> putText(out.putLong(m.connection).putInt(m.code), m.detail);
            case Request m ->
                putRange(out.putLong(m.connection), m.range).putLong(m.bytes).putLong(m.checksum);
            case Ready m -> putRange(out, m.range).putLong(m.sequence).putLong(m.checksum);
            case Refused m -> putText(putRange(out, m.range).putInt(m.code), m.detail);
            case Landed m -> putRange(out, m.range);
            case Aborted m -> putText(out.putLong(m.connection), m.detail);
        }
        byte[] bytes = new byte[out.position()];
        out.flip().get(bytes);
        return bytes;
    }

    private static ByteBuffer putRange(ByteBuffer out, BlockRange range) {
        return out.putInt(range.first()).putInt(range.count());
    }

    private static void putText(ByteBuffer out, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        int length = Math.min(bytes.length, MAX_DETAIL_BYTES);
        out.putShort((short) length).put(bytes, 0, length);
    }

    /**
     * Reads one.
     *
     * @throws TransferException PROTOCOL_ERROR for what is none, or names blocks outside a transfer of {@code blocks}
     */
    static Message decode(byte[] message, int blocks) {
        ByteBuffer in = ByteBuffer.wrap(message);
        try {
            byte type = in.get();
            return switch (type) {
                case 1 -> new Join(in.getLong(), in.getInt(), in.getInt(), UniqueId.from(in));
                case 2 -> new Joined(in.getLong());
                case 3 -> new NotJoined(in.getLong(), in.getInt(), text(in));
                case 4 -> new Request(in.getLong(), range(in, blocks), in.getLong(), in.getLong());
                case 5 -> new Ready(range(in, blocks), in.getLong(), in.getLong());
                case 6 -> new Refused(range(in, blocks), in.getInt(), text(in));
                case 7 -> new Landed(range(in, blocks));
                case 8 -> new Aborted(in.getLong(), text(in));
                default -> throw protocolError("a message of unknown type " + type);
            };
        } catch (BufferUnderflowException e) {
            throw protocolError("a message of " + message.length + " bytes that ends too early");
        }
    }

    private static BlockRange range(ByteBuffer in, int blocks) {
        int first = in.getInt();
        int count = in.getInt();
        if (first < 0 || count < 1 || count > MAX_PART_BLOCKS || first > blocks - count) {
            throw protocolError("a message about blocks " + first + " +" + count + " in a transfer of " + blocks);
        }
        return new BlockRange(first, count);
    }

    private static String text(ByteBuffer in) {
        int length = Math.min(Short.toUnsignedInt(in.getShort()), in.remaining());
        byte[] bytes = new byte[Math.min(length, MAX_DETAIL_BYTES)];
        in.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** The peer does not keep to the protocol. */
    static TransferException protocolError(String detail) {
        return new TransferException(TransferErrorCode.PROTOCOL_ERROR, Stage.TRANSFER, detail);
    }
}
