package io.kvferry.backend.mooncake;

/**
 * A range of memory that a segment offers. Both numbers are unsigned.
 *
 * @param address where it begins in the owner's address space
 * @param length bytes
 */
record SegmentBuffer(long address, long length) {
    /** Tells whether a range of at least one byte lies inside. */
    boolean contains(long from, long bytes) {
        long offset = from - address;
        return Long.compareUnsigned(from, address) >= 0
                && Long.compareUnsigned(offset, length) < 0
                && Long.compareUnsigned(bytes, length - offset) <= 0;
    }
}
