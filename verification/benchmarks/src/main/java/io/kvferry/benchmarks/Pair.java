package io.kvferry.benchmarks;

import org.jspecify.annotations.Nullable;

/**
 * Ours and the peer's, one right after the other.
 *
 * @param ours ours
 * @param peer the peer's, if the row has one
 * @param copyGbPerS a plain memory copy right after them, NaN where it says nothing
 */
record Pair(Sample ours, @Nullable Sample peer, double copyGbPerS) {
    /** Processor time per gigabyte that only a sender in this kind of machine's slow phase needs. */
    static final double SLOW_SENDER_CPU = 0.3;

    /** Whether a sender ran in a slow phase of the machine, so that the pair says nothing about the programs. */
    boolean isSlow() {
        return isSlow(ours) || (peer != null && isSlow(peer));
    }

    private static boolean isSlow(Sample sample) {
        return sample.figure(Sample.SENDER_CPU) > SLOW_SENDER_CPU;
    }

    double ours(Check check) {
        return ours.figure(check.figure());
    }

    double peer(Check check) {
        return peer == null ? Double.NaN : peer.figure(check.peerFigure());
    }

    double ratio(Check check) {
        return ours(check) / peer(check);
    }
}
