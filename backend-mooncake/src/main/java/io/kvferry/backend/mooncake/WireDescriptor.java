package io.kvferry.backend.mooncake;

import io.kvferry.spi.Descriptor;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Where the blocks of a transfer are at its target. Its addresses open the lease: never logged. Immutable.
 *
 * <p>Ends with a CRC32C: on this wire an address that is wrong by a bit may be another address of the same lease.
 */
sealed interface WireDescriptor {
    /** One behind the other from {@code base} on, in a lease of one of ours. */
    record Lease(long incarnation, long base, int blocks, long bytes) implements WireDescriptor {
        Descriptor encode() {
            byte[] encoded = new byte[HEAD_BYTES + LEASE_BYTES + CRC_BYTES];
            ByteBuffer.wrap(encoded)
                    .putShort(VERSION)
                    .put(LEASE)
                    .putLong(incarnation)
                    .putLong(base)
                    .putInt(blocks)
                    .putLong(bytes);
            return seal(encoded);
        }

        @Override
        public String toString() {
            return "Lease[" + blocks + " blocks, " + bytes + " bytes]";
        }
    }

    /**
     * Each at an address of a foreign peer.
     *
     * @param subject name of the notification that follows; empty for none
     * @param text its text
     */
    @SuppressWarnings("ArrayRecordComponent") // is not compared
    record Addresses(long[] addresses, String subject, String text) implements WireDescriptor {
        Descriptor encode() {
            byte[] name = subject.getBytes(StandardCharsets.UTF_8);
            byte[] message = text.getBytes(StandardCharsets.UTF_8);
            byte[] encoded =
                    new byte[HEAD_BYTES + 12 + name.length + message.length + addresses.length * 8 + CRC_BYTES];
            ByteBuffer.wrap(encoded)
                    .putShort(VERSION)
                    .put(ADDRESSES)
                    .putInt(addresses.length)
                    .putInt(name.length)
                    .putInt(message.length)
                    .put(name)
                    .put(message)
                    .asLongBuffer()
                    .put(addresses);
            return seal(encoded);
        }

        private static @Nullable Addresses decode(ByteBuffer bytes) {
            long count = bytes.getInt();
            long name = bytes.getInt();
            long message = bytes.getInt();
            if (count < 1 || name < 0 || message < 0 || count * 8 + name + message != bytes.remaining()) {
                return null;
            }
            byte[] subject = new byte[(int) name];
            byte[] text = new byte[(int) message];
            long[] addresses = new long[(int) count];
            bytes.get(subject).get(text).asLongBuffer().get(addresses);
            return new Addresses(
                    addresses, new String(subject, StandardCharsets.UTF_8), new String(text, StandardCharsets.UTF_8));
        }

        @Override
        public String toString() {
            return "Addresses[" + addresses.length + " blocks]";
        }
    }

    /**
     * One behind the other in a buffer of a foreign segment, wherever that is.
     *
     * @param buffer its number in the segment
     * @param offset where the first block begins in it
     */
    record InBuffer(int buffer, long offset) implements WireDescriptor {
        Descriptor encode() {
            byte[] encoded = new byte[HEAD_BYTES + IN_BUFFER_BYTES + CRC_BYTES];
            ByteBuffer.wrap(encoded)
                    .putShort(VERSION)
                    .put(IN_BUFFER)
                    .putInt(buffer)
                    .putLong(offset);
            return seal(encoded);
        }
    }

    /**
     * Each at an address of a process that runs the native engine.
     *
     * @param incarnation which life of the target
     * @param registrations changes with what its segment has registered
     * @param acknowledged whether it answers WRITEs over TCP
     * @param segment its segment name
     */
    @SuppressWarnings("ArrayRecordComponent") // is not compared
    record Native(long incarnation, long registrations, boolean acknowledged, String segment, long[] addresses)
            implements WireDescriptor {
        Descriptor encode() {
            byte[] name = segment.getBytes(StandardCharsets.UTF_8);
            byte[] encoded = new byte[HEAD_BYTES + NATIVE_BYTES + name.length + addresses.length * 8 + CRC_BYTES];
            ByteBuffer.wrap(encoded)
                    .putShort(VERSION)
                    .put(NATIVE)
                    .putLong(incarnation)
                    .putLong(registrations)
                    .put((byte) (acknowledged ? 1 : 0))
                    .putInt(name.length)
                    .putInt(addresses.length)
                    .put(name)
                    .asLongBuffer()
                    .put(addresses);
            return seal(encoded);
        }

        private static @Nullable Native decode(ByteBuffer bytes) {
            long incarnation = bytes.getLong();
            long registrations = bytes.getLong();
            boolean acknowledged = bytes.get() != 0;
            long name = bytes.getInt();
            long count = bytes.getInt();
            if (count < 1 || name < 1 || count * 8 + name != bytes.remaining()) {
                return null;
            }
            byte[] segment = new byte[(int) name];
            long[] addresses = new long[(int) count];
            bytes.get(segment).asLongBuffer().get(addresses);
            return new Native(
                    incarnation, registrations, acknowledged, new String(segment, StandardCharsets.UTF_8), addresses);
        }

        @Override
        public String toString() {
            return "Native[" + addresses.length + " blocks of " + segment + "]";
        }
    }

    /** The only version. */
    short VERSION = 1;

    /** Kind of {@link Lease}. */
    byte LEASE = 1;

    /** Kind of {@link Addresses}. */
    byte ADDRESSES = 2;

    /** Kind of {@link Native}. */
    byte NATIVE = 3;

    /** Kind of {@link InBuffer}. */
    byte IN_BUFFER = 4;

    /** Version and kind. */
    int HEAD_BYTES = 3;

    /** Fields of {@link Lease}. */
    int LEASE_BYTES = 8 + 8 + 4 + 8;

    /** Fields of {@link InBuffer}. */
    int IN_BUFFER_BYTES = 4 + 8;

    /** Fixed fields of {@link Native}. */
    int NATIVE_BYTES = 8 + 8 + 1 + 4 + 4;

    /** What a descriptor ends with. */
    int CRC_BYTES = 4;

    private static Descriptor seal(byte[] encoded) {
        int length = encoded.length - CRC_BYTES;
        ByteBuffer.wrap(encoded).putInt(length, new Descriptor(encoded).crc32c(length));
        return new Descriptor(encoded);
    }

    static WireDescriptor decode(Descriptor descriptor) {
        ByteBuffer bytes = descriptor.buffer();
        int length = bytes.remaining() - CRC_BYTES;
        if (length < HEAD_BYTES || bytes.getInt(length) != descriptor.crc32c(length) || bytes.getShort() != VERSION) {
            throw malformed(descriptor);
        }
        byte kind = bytes.get();
        if (kind == LEASE && length == HEAD_BYTES + LEASE_BYTES) {
            return new Lease(bytes.getLong(), bytes.getLong(), bytes.getInt(), bytes.getLong());
        }
        if (kind == IN_BUFFER && length == HEAD_BYTES + IN_BUFFER_BYTES) {
            return new InBuffer(bytes.getInt(), bytes.getLong());
        }
        if (kind == NATIVE && length >= HEAD_BYTES + NATIVE_BYTES) {
            Native known = Native.decode(bytes.slice(HEAD_BYTES, length - HEAD_BYTES));
            if (known != null) {
                return known;
            }
        }
        if (kind == ADDRESSES && length >= HEAD_BYTES + 12) {
            Addresses foreign = Addresses.decode(bytes.slice(HEAD_BYTES, length - HEAD_BYTES));
            if (foreign != null) {
                return foreign;
            }
        }
        throw malformed(descriptor);
    }

    private static TransferException malformed(Descriptor descriptor) {
        return new TransferException(
                TransferErrorCode.PROTOCOL_ERROR,
                Stage.PREPARE,
                "not a descriptor of the mooncake backend: " + descriptor + "; the peer has to run the same version");
    }
}
