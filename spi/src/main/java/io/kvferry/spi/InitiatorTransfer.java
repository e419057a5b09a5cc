package io.kvferry.spi;

/**
 * The initiator's side of one prepared transfer, as a backend implements it.
 *
 * <p><b>Life cycle:</b> the engine promises: (1) {@code submit} is called with ranges inside the plan that never overlap;
 * (2) {@code finish} is called at least once, also when {@code submit} never was. A {@code submit} that races with
 * {@code finish} and comes second MUST start nothing.
 *
 * <p><b>Threads:</b> Thread-safe: {@code submit} of different ranges, {@code status} and {@code finish} may run at the
 * same time.
 *
 * @since 0.1.0
 */
public interface InitiatorTransfer {
    /**
     * Starts the I/O of some blocks and returns at once. Failures are reported to the observer. Does not block.
     *
     * @param blocks positions in the plan
     * @throws TransferException RESOURCE_EXHAUSTED when a queue is full, before anything of the range was started
     */
    void submit(BlockRange blocks);

    /**
     * Returns a snapshot. Takes no lock, does not block, may be called at any time.
     *
     * @return bytes and blocks known to be applied
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
     * Stops what still runs and releases. Starts no new I/O from the moment it is called. Idempotent, legal in every
     * state. SHOULD return at once and prove quiescence later by {@link TransferObserver#quiesced()}; MAY wait until
     * {@code grace}.
     *
     * @param grace until when it may wait; never the request's leftover time
     * @return QUIESCENT if this side's data plane will not touch this side's memory again; else QUARANTINED, and the
     *     observer hears {@code quiesced()} when it is proved
     */
    Quiescence finish(Deadline grace);
}
