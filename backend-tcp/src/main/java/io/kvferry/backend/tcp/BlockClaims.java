package io.kvferry.backend.tcp;

import java.util.concurrent.atomic.AtomicLongArray;

/** Which blocks of a transfer have been begun; each can be begun once. Thread-safe, lock-free. */
final class BlockClaims {
    private final AtomicLongArray words;

    BlockClaims(int blocks) {
        words = new AtomicLongArray((blocks + 63) >>> 6);
    }

    /** Claims [first, end). False if one was claimed before; others may then be claimed for nothing, as the transfer has failed. */
    boolean claim(int first, int end) {
        for (int at = first; at < end; ) {
            int word = at >>> 6;
            int stop = Math.min(end, (word + 1) << 6);
            long mask = (-1L >>> (64 - (stop - at))) << (at & 63);
            if ((words.getAndAccumulate(word, mask, (have, more) -> have | more) & mask) != 0) {
                return false;
            }
            at = stop;
        }
        return true;
    }
}
