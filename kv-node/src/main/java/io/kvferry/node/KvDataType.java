package io.kvferry.node;

/**
 * The type of one number in a KV cache.
 *
 * @since 0.1.0
 */
public enum KvDataType {
    /** IEEE 754 binary32. */
    F32(4),
    /** IEEE 754 binary16. */
    F16(2),
    /** The upper half of a binary32. */
    BF16(2),
    /** Any of the 8-bit formats. */
    F8(1);

    private final int bytes;

    KvDataType(int bytes) {
        this.bytes = bytes;
    }

    /**
     * Returns the size of one number.
     *
     * @return bytes
     */
    public int bytes() {
        return bytes;
    }
}
