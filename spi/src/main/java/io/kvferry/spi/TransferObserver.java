package io.kvferry.spi;

/**
 * Where a backend reports what happens to one transfer on one side. Implemented by the engine.
 *
 * <p><b>Threads:</b> Thread-safe. A backend may call from any thread, also from inside {@code submit}, but never before
 * the {@code prepare} or {@code accept} that was given this observer is about to return: on another thread a call may
 * overtake that return, and {@code quiesced} may overtake the return of {@code finish}. It never holds a lock that one of
 * its own entry points takes. The methods do not block, run no user code and never throw.
 *
 * @since 0.1.0
 */
public interface TransferObserver {
    /**
     * Some blocks are applied at the destination. At the initiator this is the backend's evidence, from which COMPLETED
     * follows once every block was named; this side's data plane does not touch the memory of a named block again. At
     * the target it is called where {@link Capability#TARGET_PROGRESS} is declared. Each block is named once.
     *
     * @param blocks positions in the plan; need not be the ranges that were submitted
     */
    void applied(BlockRange blocks);

    /**
     * The transfer has failed. Only the first call counts; the engine follows with {@code finish}.
     *
     * @param error what happened; side and peer are filled in by the engine
     */
    void failed(TransferError error);

    /**
     * This side's quiescence is proved. Called once, and only after {@code finish} answered QUARANTINED; possibly long
     * after.
     */
    void quiesced();
}
