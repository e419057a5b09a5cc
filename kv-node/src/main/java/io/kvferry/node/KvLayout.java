package io.kvferry.node;

import java.util.Objects;

/**
 * What a KV cache looks like in memory. A chunk is its layers one behind the other; a layer is all keys, then all values,
 * each in the page order.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param layers how many layers, from 1
 * @param kvHeads heads that have keys and values of their own, from 1
 * @param headDim numbers in a key, and in a value, of one head, from 1
 * @param dataType type of a number
 * @param pageOrder order within a layer
 * @since 0.1.0
 */
public record KvLayout(int layers, int kvHeads, int headDim, KvDataType dataType, PageOrder pageOrder) {
    private static final int MAX_LAYERS = 4096;
    private static final int MAX_HEADS = 65_536;
    private static final int MAX_DIM = 65_536;

    /**
     * Checks all parts.
     *
     * @throws IllegalArgumentException if one is out of range
     */
    public KvLayout {
        Objects.requireNonNull(dataType, "dataType");
        Objects.requireNonNull(pageOrder, "pageOrder");
        check("layers", layers, MAX_LAYERS);
        check("kvHeads", kvHeads, MAX_HEADS);
        check("headDim", headDim, MAX_DIM);
    }

    private static void check(String name, int value, int max) {
        if (value < 1 || value > max) {
            throw new IllegalArgumentException(name + " = " + value + " is not 1 to " + max);
        }
    }

    /**
     * Returns the size of one layer of a chunk.
     *
     * @param tokens tokens in the chunk
     * @return bytes
     */
    public long layerBytes(int tokens) {
        return Math.multiplyExact(2L * tokens * dataType.bytes(), (long) kvHeads * headDim);
    }

    /**
     * Returns the size of a chunk.
     *
     * @param tokens tokens in the chunk
     * @return bytes
     */
    public long chunkBytes(int tokens) {
        return Math.multiplyExact(layers, layerBytes(tokens));
    }

    /** One line that two nodes compare: two layouts are the same when theirs is. */
    @Override
    public String toString() {
        return layers + " layers, " + kvHeads + " heads of " + headDim + " " + dataType + ", " + pageOrder;
    }
}
