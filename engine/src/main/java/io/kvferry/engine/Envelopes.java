package io.kvferry.engine;

import io.kvferry.spi.Envelope;
import io.kvferry.spi.OpaqueBytes;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.WireId;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * Wraps what backends tell each other with what it belongs to, and refuses a stray, old or damaged one before a backend
 * sees it: native libraries crash on those.
 *
 * <p>Layout, big-endian: magic 4, format 1, kind 1, wire version 4, wire name length 1 and ASCII, id 16, attempt 4, epoch
 * 8, boot id 8, length 4 and content, CRC32C 4 over all before it.
 */
final class Envelopes {
    private static final int MAGIC = 0x4B564659;
    private static final byte FORMAT = 1;
    /** All but the name and the content. */
    private static final int FIXED_BYTES = 4 + 1 + 1 + 4 + 1 + 16 + 4 + 8 + 8 + 4 + 4;

    private static final int FIXED_AFTER_NAME_BYTES = 16 + 4 + 8 + 8 + 4 + 4;
    private static final int MAX_CONTENT_BYTES = 1 << 20;

    private Envelopes() {}

    /** What is inside. */
    enum Kind {
        ENDPOINT(0),
        PROPOSAL(1),
        DESCRIPTOR(2);

        private final byte number;

        Kind(int number) {
            this.number = (byte) number;
        }
    }

    /**
     * What an envelope belongs to.
     *
     * @param kind what is inside
     * @param wireId whose backend understands it
     * @param id the transfer; zeros for an endpoint
     * @param attempt its attempt; 0 for an endpoint
     * @param epoch its epoch; 0 where there is none yet
     * @param bootId the process that wrote it
     */
    record Address(Kind kind, WireId wireId, TransferId id, int attempt, long epoch, long bootId) {
        private static final TransferId NONE = new TransferId(0, 0);

        static Address ofEndpoint(WireId wireId, long bootId) {
            return new Address(Kind.ENDPOINT, wireId, NONE, 0, 0, bootId);
        }
    }

    static Envelope seal(Address address, OpaqueBytes content) {
        String name = address.wireId.name();
        ByteBuffer out = ByteBuffer.allocate(FIXED_BYTES + name.length() + content.size());
        out.putInt(MAGIC).put(FORMAT).put(address.kind.number);
        out.putInt(address.wireId.version()).put((byte) name.length());
        for (int i = 0; i < name.length(); i++) {
            out.put((byte) name.charAt(i));
        }
        out.putLong(address.id.high()).putLong(address.id.low()).putInt(address.attempt);
        out.putLong(address.epoch).putLong(address.bootId);
        out.putInt(content.size());
        content.writeTo(out);
        out.putInt(checksum(out.array(), out.position()));
        return new Envelope(out.array());
    }

    /** Takes the content out, or throws PROTOCOL_ERROR naming what does not fit. */
    static byte[] open(Address expected, Envelope envelope) {
        int size = envelope.size();
        if (size < FIXED_BYTES) {
            throw refuse(expected, "it has only " + size + " bytes");
        }
        ByteBuffer in = envelope.buffer();
        if (in.getInt() != MAGIC) {
            throw refuse(expected, "it does not begin with the magic number");
        }
        if (in.getInt(size - 4) != envelope.crc32c(size - 4)) {
            throw refuse(expected, "its checksum differs");
        }
        byte format = in.get();
        if (format != FORMAT) {
            throw refuse(expected, "its format is " + format + ", known is " + FORMAT);
        }
        check(expected, "kind", expected.kind.number, in.get());
        check(expected, "wire version", expected.wireId.version(), in.getInt());
        checkName(expected, in);
        check(expected, "transfer id", expected.id.high(), in.getLong());
        check(expected, "transfer id", expected.id.low(), in.getLong());
        check(expected, "attempt", expected.attempt, in.getInt());
        check(expected, "epoch", expected.epoch, in.getLong());
        check(expected, "boot id", expected.bootId, in.getLong());
        int length = in.getInt();
        if (length < 0 || length > MAX_CONTENT_BYTES || length != in.remaining() - 4) {
            throw refuse(expected, "its length is " + length + " with " + (in.remaining() - 4) + " bytes there");
        }
        byte[] content = new byte[length];
        in.get(content);
        return content;
    }

    private static void checkName(Address expected, ByteBuffer in) {
        String name = expected.wireId.name();
        boolean same = (in.get() & 0xFF) == name.length() && in.remaining() >= name.length() + FIXED_AFTER_NAME_BYTES;
        for (int i = 0; same && i < name.length(); i++) {
            same = in.get() == (byte) name.charAt(i);
        }
        if (!same) {
            throw refuse(expected, "it is for another backend");
        }
    }

    private static void check(Address address, String what, long expected, long actual) {
        if (expected != actual) {
            throw refuse(
                    address,
                    "its " + what + " is " + Long.toHexString(actual) + ", expected " + Long.toHexString(expected));
        }
    }

    private static TransferException refuse(Address address, String why) {
        return new TransferException(
                TransferErrorCode.PROTOCOL_ERROR,
                Stage.PREPARE,
                "refused the peer's " + address.kind + " for " + address.wireId + ": " + why);
    }

    private static int checksum(byte[] bytes, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, length);
        return (int) crc.getValue();
    }
}
