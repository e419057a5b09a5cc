package io.kvferry.spi;

/**
 * A run of consecutive blocks of one transfer, by position in its block list.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param first position of the first block, from 0
 * @param count how many blocks, at least 1
 * @since 0.1.0
 */
public record BlockRange(int first, int count) {
    /**
     * Checks the range by itself; whether it fits a transfer is checked where it is used.
     *
     * @throws IllegalArgumentException if {@code first} is negative, {@code count} is below 1 or the end overflows
     */
    public BlockRange {
        if (first < 0 || count < 1 || first > Integer.MAX_VALUE - count) {
            throw new IllegalArgumentException("no such block range: first=" + first + " count=" + count);
        }
    }

    /**
     * Returns the position behind the last block.
     *
     * @return {@code first + count}
     */
    public int end() {
        return first + count;
    }
}
