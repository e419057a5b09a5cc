package io.kvferry.node;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a fetch brought: the longest prefix of the prompt that could be had, and why it is not longer.
 *
 * <p><b>Threads:</b> Thread-safe. <b>Ownership:</b> its chunks are kept in the pool until this is closed.
 *
 * @since 0.1.0
 */
public final class KvFetch implements AutoCloseable {
    private final KvChunks chunks;
    private final Figures figures;
    private final @Nullable Miss miss;
    private final List<HolderFailure> failures;

    /**
     * The figures of one fetch: {@code localTokens + fetchedTokens + missedTokens = requestedTokens}.
     *
     * <p><b>Threads:</b> Immutable.
     *
     * @param requestedTokens how many were asked for
     * @param localTokens how many of them were here
     * @param fetchedTokens how many came from other nodes
     * @param missedTokens how many are not here, those after the last whole chunk included
     * @param fetchedBytes bytes that came from other nodes
     * @param transfers transfers that it took, failed ones included
     * @param transferNanos time from asking holders to having their bytes
     * @param totalNanos time in all
     */
    public record Figures(
            int requestedTokens,
            int localTokens,
            int fetchedTokens,
            int missedTokens,
            long fetchedBytes,
            int transfers,
            long transferNanos,
            long totalNanos) {
        /**
         * Returns how many tokens need not be computed.
         *
         * @return those that were here and those that came
         */
        public int hitTokens() {
            return localTokens + fetchedTokens;
        }
    }

    KvFetch(KvChunks chunks, Figures figures, @Nullable Miss miss, List<HolderFailure> failures) {
        this.chunks = chunks;
        this.figures = figures;
        this.miss = miss;
        this.failures = List.copyOf(failures);
    }

    /**
     * Returns the chunks of the prefix.
     *
     * @return closed with this
     */
    public KvChunks chunks() {
        return chunks;
    }

    /**
     * Returns how much was hit and missed, and how long it took.
     *
     * @return the figures
     */
    public Figures figures() {
        return figures;
    }

    /**
     * Returns why there is no chunk after these.
     *
     * @return empty if all whole chunks of the prompt are here
     */
    public Optional<Miss> miss() {
        return Optional.ofNullable(miss);
    }

    /**
     * Returns the holders that were tried and failed, also where another one helped.
     *
     * @return in the order of trying
     */
    public List<HolderFailure> failures() {
        return failures;
    }

    /** Lets the chunks be evicted. Idempotent. */
    @Override
    public void close() {
        chunks.close();
    }
}
