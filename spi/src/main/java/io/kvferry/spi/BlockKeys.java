package io.kvferry.spi;

import java.util.Arrays;

/**
 * What two sides match blocks by: keys and lengths, in order, without saying where the memory is.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class BlockKeys {
    private final long[] keys;
    private final long[] lengths;

    /** Takes the arrays as they are; nobody may change them afterwards. */
    BlockKeys(long[] keys, long[] lengths) {
        this.keys = keys;
        this.lengths = lengths;
    }

    /**
     * Makes the columns from what arrived over a wire. Keys may repeat here: matching refuses that.
     *
     * @param keys keys
     * @param lengths lengths in bytes, each at least 1, as many as keys
     * @return the columns, to which the arrays belong from now on
     * @throws TransferException PROTOCOL_ERROR if the columns differ in length, are empty or hold a length below 1
     */
    public static BlockKeys of(long[] keys, long[] lengths) {
        if (keys.length == 0 || keys.length != lengths.length) {
            throw malformed(keys.length + " block keys with " + lengths.length + " lengths");
        }
        for (int i = 0; i < lengths.length; i++) {
            if (lengths[i] < 1) {
                throw malformed("block " + keys[i] + " has length " + lengths[i]);
            }
        }
        return new BlockKeys(keys, lengths);
    }

    private static TransferException malformed(String detail) {
        return new TransferException(TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, detail);
    }

    /**
     * Returns how many blocks there are.
     *
     * @return at least 1
     */
    public int size() {
        return keys.length;
    }

    /**
     * Returns the key of a block.
     *
     * @param position the block, from 0
     * @return its key
     */
    public long key(int position) {
        return keys[position];
    }

    /**
     * Returns the size of a block.
     *
     * @param position the block, from 0
     * @return bytes, at least 1
     */
    public long length(int position) {
        return lengths[position];
    }

    @Override
    public boolean equals(Object other) {
        return this == other
                || (other instanceof BlockKeys that
                        && Arrays.equals(that.keys, keys)
                        && Arrays.equals(that.lengths, lengths));
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.hashCode(keys) + Arrays.hashCode(lengths);
    }

    @Override
    public String toString() {
        return keys.length + " block keys";
    }
}
