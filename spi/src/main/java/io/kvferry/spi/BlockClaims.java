package io.kvferry.spi;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Which blocks of a transfer are taken: by a peer that may begin or report each only once. One bit a block.
 *
 * <p><b>Threads:</b> Thread-safe, lock-free. Of two overlapping claims at the same time both may fail.
 *
 * @since 0.1.0
 */
public final class BlockClaims {
    private final AtomicLongArray words;

    /**
     * Makes claims of which none is taken.
     *
     * @param blocks how many blocks there are; whoever claims stays below
     */
    public BlockClaims(int blocks) {
        words = new AtomicLongArray((blocks + 63) >>> 6);
    }

    /**
     * Takes the blocks [first, end): all or none.
     *
     * @param first position of the first block
     * @param end position behind the last one
     * @return false if one is taken already
     */
    public boolean claim(int first, int end) {
        return flip(first, end, 0);
    }

    /**
     * Gives the blocks [first, end) back: all or none.
     *
     * @param first position of the first block
     * @param end position behind the last one
     * @return false if one is not taken
     */
    public boolean release(int first, int end) {
        return flip(first, end, -1L);
    }

    /** Flips the bits of a range if each is as in {@code expected}; else leaves them as they were. */
    private boolean flip(int first, int end, long expected) {
        for (int at = first; at < end; ) {
            int stop = endInWord(at, end);
            if (!flipInWord(at >>> 6, mask(at, stop), expected)) {
                for (int back = first; back < at; back = endInWord(back, at)) {
                    long mask = mask(back, endInWord(back, at));
                    words.getAndAccumulate(back >>> 6, mask, (have, flipped) -> have ^ flipped);
                }
                return false;
            }
            at = stop;
        }
        return true;
    }

    private boolean flipInWord(int word, long mask, long expected) {
        long have = words.get(word);
        while ((have & mask) == (expected & mask)) {
            long witness = words.compareAndExchange(word, have, have ^ mask);
            if (witness == have) {
                return true;
            }
            have = witness;
        }
        return false;
    }

    private static int endInWord(int at, int end) {
        return Math.min(end, ((at >>> 6) + 1) << 6);
    }

    private static long mask(int at, int stop) {
        return (-1L >>> (64 - (stop - at))) << (at & 63);
    }
}
