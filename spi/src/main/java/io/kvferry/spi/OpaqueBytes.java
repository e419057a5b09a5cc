package io.kvferry.spi;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.zip.CRC32C;

/**
 * Bytes that one instance of a backend wrote for another and nobody between reads.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public abstract sealed class OpaqueBytes permits BackendEndpoint, Proposal, Descriptor, Envelope, Payload {
    private final byte[] bytes;

    OpaqueBytes(byte[] bytes) {
        this.bytes = bytes;
    }

    /**
     * Returns the bytes for reading.
     *
     * @return a new read-only buffer, big-endian, from the first byte to the last
     */
    public final ByteBuffer buffer() {
        return ByteBuffer.wrap(bytes).asReadOnlyBuffer();
    }

    /**
     * Computes the CRC32C of the first bytes.
     *
     * @param length how many, at most {@link #size()}
     * @return the checksum, its 32 bits as they are
     * @throws IndexOutOfBoundsException if there are not as many
     */
    public final int crc32c(int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, length);
        return (int) crc.getValue();
    }

    /**
     * Appends the bytes to a buffer.
     *
     * @param out has room for {@link #size()} bytes
     * @throws java.nio.BufferOverflowException if it has not
     */
    public final void writeTo(ByteBuffer out) {
        out.put(bytes);
    }

    /**
     * Returns the bytes.
     *
     * @return a copy
     */
    public final byte[] toByteArray() {
        return bytes.clone();
    }

    /**
     * Returns how many bytes there are.
     *
     * @return the size
     */
    public final int size() {
        return bytes.length;
    }

    @Override
    public final boolean equals(Object other) {
        return other instanceof OpaqueBytes that && getClass().isInstance(that) && Arrays.equals(that.bytes, bytes);
    }

    @Override
    public final int hashCode() {
        return Arrays.hashCode(bytes);
    }

    @Override
    public final String toString() {
        return getClass().getSimpleName() + "[" + bytes.length + " bytes]";
    }
}
