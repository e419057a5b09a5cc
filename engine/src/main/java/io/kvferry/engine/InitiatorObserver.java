package io.kvferry.engine;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Capability;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Side;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferObserver;
import io.kvferry.spi.TransferState;

/**
 * Hears the backend of one attempt: counts the blocks that are applied, lets listeners and the target hear of them, and ends
 * the attempt when all are, or when the backend fails.
 *
 * <p><b>Threads:</b> Thread-safe; its monitor covers the count only.
 */
final class InitiatorObserver implements TransferObserver {
    private final InitiatorAttempt attempt;
    // guarded by this
    private int appliedBlocks;

    InitiatorObserver(InitiatorAttempt attempt) {
        this.attempt = attempt;
    }

    @Override
    public void applied(BlockRange blocks) {
        if (attempt.ending() != null) {
            return;
        }
        Prepared prepared = attempt.prepared();
        ListenerCalls listeners = attempt.listeners();
        // heard before it is counted: whoever counts the last block knows that every other has been heard
        if (listeners != null) {
            prepared.positions().toOriginal(blocks, listeners::applied);
        }
        int done;
        synchronized (this) {
            appliedBlocks += blocks.count();
            done = appliedBlocks;
        }
        TransferRequest request = attempt.request();
        if (request.operation() == Operation.WRITE
                && !prepared.isForeign()
                && !prepared.backend().info().can(Capability.TARGET_PROGRESS)) {
            attempt.target().part(request, prepared, blocks);
        }
        if (done >= prepared.matched().size()) {
            allApplied(request, prepared);
        }
    }

    /** The backend's evidence is complete; where confirmation was asked for, the target decides. */
    private void allApplied(TransferRequest request, Prepared prepared) {
        if (!request.confirmed()) {
            attempt.end(Ending.COMPLETED);
        } else if (attempt.claimFinish()) {
            attempt.target()
                    .finished(
                            request,
                            prepared,
                            TransferState.COMPLETED,
                            (reply, failure) -> attempt.end(Ending.confirmed(reply, failure, request.peer())));
        }
    }

    @Override
    public void failed(TransferError error) {
        attempt.end(Ending.of(error.at(Side.INITIATOR, attempt.peer())));
    }

    @Override
    public void quiesced() {
        attempt.prepared().hold().release();
    }
}
