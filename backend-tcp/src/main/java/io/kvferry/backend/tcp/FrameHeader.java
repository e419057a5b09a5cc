package io.kvferry.backend.tcp;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The fixed start of every frame, big-endian. Mutable and reused: one frame costs no object.
 *
 * <pre>
 *  0 u16 magic    2 u8 type    3 u8 flags    4 u32 payload length
 *  8 u64 stream: the initiator's name for the transfer on this connection
 * 16 u64 slot    24 u128 lease key    40 u64 epoch
 * 48 u32 first block    52 u32 count    56 u64 offset in the first block
 * 64 u32 CRC32C of the payload    68 u32 CRC32C of bytes 0 to 67
 * </pre>
 *
 * <p>Flags: 1 the payload's CRC32C is set, 2 nothing more is queued for the stream. HELLO and WELCOME carry the sender's instance in stream, the receiver's in slot and the protocol version in count.
 * ACK carries the applied blocks in offset. ERROR carries the code in count and its detail as payload.
 */
final class FrameHeader {
    static final int BYTES = 72;
    static final int PROTOCOL_VERSION = 1;
    /** Most payload of one frame; also bounds what is drained after a refusal. */
    static final int MAX_PAYLOAD_BYTES = 16 << 20;
    /** Most payload of a frame that is not DATA. */
    static final int MAX_DETAIL_BYTES = 184;

    static final int FLAG_CHECKSUM = 1;
    /** Nothing more is queued for this stream: acknowledge at once. */
    static final int FLAG_LAST = 2;

    private static final short MAGIC = 0x4B46;
    private static final int CRC_AT = BYTES - 4;

    FrameType type = FrameType.HELLO;
    int flags;
    int length;
    long stream;
    long slot;
    long keyHigh;
    long keyLow;
    long epoch;
    int block;
    int count;
    long offset;
    int payloadCrc;

    private final CRC32C crc = new CRC32C();

    /** Forgets the last frame. */
    FrameHeader reset(FrameType newType, long newStream) {
        type = newType;
        stream = newStream;
        flags = 0;
        length = 0;
        slot = 0;
        keyHigh = 0;
        keyLow = 0;
        epoch = 0;
        block = 0;
        count = 0;
        offset = 0;
        payloadCrc = 0;
        return this;
    }

    FrameHeader lease(TcpLease lease) {
        slot = lease.slot();
        keyHigh = lease.key().high();
        keyLow = lease.key().low();
        epoch = lease.epoch();
        return this;
    }

    boolean hasChecksum() {
        return (flags & FLAG_CHECKSUM) != 0;
    }

    boolean isLast() {
        return (flags & FLAG_LAST) != 0;
    }

    /** Writes at index 0. */
    void encode(ByteBuffer target) {
        target.putShort(0, MAGIC)
                .put(2, type.number())
                .put(3, (byte) flags)
                .putInt(4, length)
                .putLong(8, stream)
                .putLong(16, slot)
                .putLong(24, keyHigh)
                .putLong(32, keyLow)
                .putLong(40, epoch)
                .putInt(48, block)
                .putInt(52, count)
                .putLong(56, offset)
                .putInt(64, payloadCrc)
                .putInt(CRC_AT, crcOf(target));
    }

    /**
     * Reads from index 0.
     *
     * @return what is wrong, or null
     */
    @Nullable
    String decode(ByteBuffer source) {
        if (source.getShort(0) != MAGIC) {
            return "not a frame: magic=0x" + Integer.toHexString(source.getShort(0) & 0xFFFF);
        }
        if (source.getInt(CRC_AT) != crcOf(source)) {
            return "frame header damaged: its checksum differs";
        }
        FrameType decoded = FrameType.ofNumber(source.get(2));
        if (decoded == null) {
            return "unknown frame type " + source.get(2);
        }
        type = decoded;
        flags = source.get(3) & 0xFF;
        length = source.getInt(4);
        int limit = decoded == FrameType.DATA ? MAX_PAYLOAD_BYTES : MAX_DETAIL_BYTES;
        if (length < 0 || length > limit) {
            return "frame too long: length=" + Integer.toUnsignedString(length) + " > " + limit;
        }
        stream = source.getLong(8);
        slot = source.getLong(16);
        keyHigh = source.getLong(24);
        keyLow = source.getLong(32);
        epoch = source.getLong(40);
        block = source.getInt(48);
        count = source.getInt(52);
        offset = source.getLong(56);
        payloadCrc = source.getInt(64);
        return null;
    }

    private int crcOf(ByteBuffer frame) {
        crc.reset();
        crc.update(frame.limit(CRC_AT).position(0));
        frame.clear();
        return (int) crc.getValue();
    }
}
