package io.kvferry.control.cluster;

import java.util.List;

/**
 * Who holds the beginning of a chain.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param prefixChunks the longest beginning of which every chunk has a holder, though perhaps no single one; when it is
 *     longer than the best holder's, another look-up that starts where that one ends names who goes on
 * @param holders best first: by how much of the beginning they hold, then the less busy, the more recently heard of, the
 *     faster tier
 * @param indexComplete false while this controller has not heard from every node what it holds: a miss may be none
 * @since 0.1.0
 */
public record LookupAnswer(int prefixChunks, List<Holder> holders, boolean indexComplete) {
    /** Copies the list. */
    public LookupAnswer {
        holders = List.copyOf(holders);
    }

    /**
     * Tells whether not even the first chunk was found.
     *
     * @return true without a holder
     */
    public boolean isMiss() {
        return holders.isEmpty();
    }
}
