package io.kvferry.spi;

/**
 * The target's side of one accepted transfer, as a backend implements it.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public interface TargetTransfer {
    /**
     * Returns what the initiator's backend needs to reach the leased memory.
     *
     * @return the same descriptor at every call
     */
    Descriptor descriptor();

    /**
     * Returns a snapshot. Takes no lock, does not block, may be called at any time.
     *
     * @return bytes and blocks known to be applied; zeros where the target cannot know
     */
    TransferStatus status();

    /**
     * Says which lanes the transfer uses, for people who look for one that is stuck. Takes no lock, does not block.
     *
     * @return a few words, such as {@code 3 of 4 open}; empty for a backend without lanes
     */
    default String lanes() {
        return "";
    }

    /**
     * Lets nothing new begin: from here on a frame that has not started to land is refused. Does not block. Idempotent.
     */
    void seal();

    /**
     * Seals, drains what has started and releases. Idempotent, legal in every state. SHOULD return at once and prove
     * quiescence later by {@link TransferObserver#quiesced()}; MAY wait until {@code grace}.
     *
     * @param grace until when it may wait
     * @return QUIESCENT if this side's data plane will not touch this side's memory again; else QUARANTINED, and the
     *     observer hears {@code quiesced()} when it is proved
     */
    Quiescence finish(Deadline grace);
}
