package io.kvferry.backend.rdma.adapter.disni;

/**
 * How a region is cut, as DiSNI has 32 bits for a length: from its first byte into pieces of 1 GiB, each a registration with
 * keys of its own. Immutable.
 *
 * @param base address of the first byte
 * @param keys of the pieces, in order; belong to this object
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record DisniPieces(long base, int[] keys) {
    static final long BYTES = 1L << 30;

    /** The key to the piece that an address is in; outside, to one that the device will not find it in. */
    int keyAt(long address) {
        return keys[Math.clamp((address - base) / BYTES, 0, keys.length - 1)];
    }

    /** How many of the bytes from an address on are in the same piece. */
    long within(long address, long bytes) {
        return Math.min(bytes, BYTES - Math.floorMod(address - base, BYTES));
    }
}
