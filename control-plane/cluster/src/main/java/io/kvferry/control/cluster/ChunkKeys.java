package io.kvferry.control.cluster;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/**
 * Chunk keys in order, all of one length; opaque bytes. In a look-up they are a chain: each key stands for all tokens up
 * to the end of its chunk.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class ChunkKeys {
    /** The longest key. */
    public static final int MAX_KEY_BYTES = 32;

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final byte[] packed;
    private final int from;
    private final int size;
    private final int keyBytes;

    private ChunkKeys(byte[] packed, int from, int size, int keyBytes) {
        this.packed = packed;
        this.from = from;
        this.size = size;
        this.keyBytes = keyBytes;
    }

    /**
     * Makes keys of bytes that follow each other without a gap.
     *
     * @param keyBytes length of each, 1 to 32
     * @param packed the keys; copied
     * @return the keys
     * @throws IllegalArgumentException if the bytes are no whole number of keys
     */
    public static ChunkKeys of(int keyBytes, byte[] packed) {
        return owning(keyBytes, packed.clone());
    }

    /**
     * Makes keys of one array each.
     *
     * @param keys at least one, all of the same length of 1 to 32 bytes
     * @return the keys
     * @throws IllegalArgumentException if there are none or their lengths differ
     */
    public static ChunkKeys of(List<byte[]> keys) {
        if (keys.isEmpty()) {
            throw new IllegalArgumentException("no keys; use none(keyBytes)");
        }
        int keyBytes = keys.getFirst().length;
        ByteBuffer packed = ByteBuffer.allocate(Math.multiplyExact(keyBytes, keys.size()));
        for (byte[] key : keys) {
            if (key.length != keyBytes) {
                throw new IllegalArgumentException("keys of " + keyBytes + " and of " + key.length + " bytes");
            }
            packed.put(key);
        }
        return owning(keyBytes, packed.array());
    }

    /**
     * Makes an empty list.
     *
     * @param keyBytes the length that keys would have
     * @return no keys
     */
    public static ChunkKeys none(int keyBytes) {
        return owning(keyBytes, new byte[0]);
    }

    /** Takes the array over; the caller keeps no reference. */
    static ChunkKeys owning(int keyBytes, byte[] packed) {
        if (keyBytes < 1 || keyBytes > MAX_KEY_BYTES) {
            throw new IllegalArgumentException("a chunk key has 1 to 32 bytes, not " + keyBytes);
        }
        if (packed.length % keyBytes != 0) {
            throw new IllegalArgumentException(
                    packed.length + " bytes are no whole number of keys of " + keyBytes + " bytes");
        }
        return new ChunkKeys(packed, 0, packed.length / keyBytes, keyBytes);
    }

    /**
     * Returns how many keys there are.
     *
     * @return the number of keys
     */
    public int size() {
        return size;
    }

    /**
     * Tells whether there are none.
     *
     * @return true without keys
     */
    public boolean isEmpty() {
        return size == 0;
    }

    /**
     * Returns the length of each key.
     *
     * @return 1 to 32
     */
    public int keyBytes() {
        return keyBytes;
    }

    /**
     * Returns one key.
     *
     * @param index its position
     * @return a copy of its bytes
     * @throws IndexOutOfBoundsException if there is no such position
     */
    public byte[] key(int index) {
        int at = offset(index);
        return Arrays.copyOfRange(packed, at, at + keyBytes);
    }

    /**
     * Returns some of these keys, without copying.
     *
     * @param first the position of the first one
     * @param end the position after the last one
     * @return the keys between
     * @throws IndexOutOfBoundsException if there are no such positions
     */
    public ChunkKeys slice(int first, int end) {
        if (first < 0 || end < first || end > size) {
            throw new IndexOutOfBoundsException("keys " + first + " to " + end + " of " + size);
        }
        return new ChunkKeys(packed, from + first * keyBytes, end - first, keyBytes);
    }

    /** Some of these keys, copied. */
    ChunkKeys select(int[] positions) {
        byte[] some = new byte[positions.length * keyBytes];
        for (int i = 0; i < positions.length; i++) {
            System.arraycopy(packed, offset(positions[i]), some, i * keyBytes, keyBytes);
        }
        return owning(keyBytes, some);
    }

    /**
     * Returns all bytes, key after key.
     *
     * @return a copy
     */
    public byte[] toByteArray() {
        return Arrays.copyOfRange(packed, from, from + size * keyBytes);
    }

    /** The keys' bytes for reading, without copying. */
    ByteBuffer buffer() {
        return ByteBuffer.wrap(packed, from, size * keyBytes).asReadOnlyBuffer();
    }

    /** Words of eight bytes that hold a key of a length. */
    static int words(int keyBytes) {
        return (keyBytes + Long.BYTES - 1) / Long.BYTES;
    }

    /** Eight bytes of a key, little-endian; the last word of a length that is no multiple is filled with zeros. */
    long word(int index, int word) {
        int at = offset(index) + word * Long.BYTES;
        int left = keyBytes - word * Long.BYTES;
        if (left >= Long.BYTES) {
            return (long) LONG.get(packed, at);
        }
        long value = 0;
        for (int i = left - 1; i >= 0; i--) {
            value = (value << 8) | (packed[at + i] & 0xff);
        }
        return value;
    }

    private int offset(int index) {
        if (index < 0 || index >= size) {
            throw new IndexOutOfBoundsException("key " + index + " of " + size);
        }
        return from + index * keyBytes;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ChunkKeys that
                && that.keyBytes == keyBytes
                && that.size == size
                && Arrays.equals(
                        packed,
                        from,
                        from + size * keyBytes,
                        that.packed,
                        that.from,
                        that.from + that.size * that.keyBytes);
    }

    @Override
    public int hashCode() {
        int hash = keyBytes;
        for (int i = 0; i < size; i++) {
            hash = 31 * hash + Long.hashCode(word(i, 0));
        }
        return hash;
    }

    /** Shows the number of keys and the beginning of the first. */
    @Override
    public String toString() {
        String first = isEmpty() ? "" : ", first " + HexFormat.of().formatHex(key(0), 0, Math.min(8, keyBytes));
        return size + " keys of " + keyBytes + " bytes" + first;
    }
}
