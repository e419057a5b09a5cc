package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.FaultPlan.Action;
import io.kvferry.engine.Lease;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferRequest;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Cancel seals, drains and releases, in this order, from every state.
 *
 * @since 0.1.0
 */
@Tag("cancel")
public abstract class CancelConformanceTest extends ConformanceSuite {
    private static final int MIB = 1 << 20;

    /**
     * Makes the suite.
     *
     * @param harness what is tested
     */
    protected CancelConformanceTest(BackendHarness harness) {
        super(harness);
    }

    /** A prepared transfer that is cancelled ends CANCELLED on both sides, at once, with nothing written. */
    @Test
    public final void required_R6_5_cancelBeforeSubmitWritesNothing() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            layout.poison();
            TransferId id = TransferId.random();
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            Transfer transfer = bed().initiator().prepare(id, operation, bed().target(), layout.local(operation));
            transfer.cancel();
            assertThat(bed().result(transfer)).isInstanceOf(TransferResult.Cancelled.class);
            assertThat(bed().result(lease)).isInstanceOf(TransferResult.Cancelled.class);
            awaitQuiescent(transfer, lease);
            moveSomethingElse();
            layout.assertPoisoned();
        }
    }

    /** I/O that reaches the backend after finish is never started. */
    @Test
    public final void required_R6_6_submitAfterFinishStartsNothing() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            Gate gate = new Gate();
            bed().initiator().faults().onNext("submit", Action.freeze(gate));
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            Transfer transfer = bed().initiator().prepare(id, operation, bed().target(), layout.local(operation));
            transfer.submit();
            transfer.cancel();
            assertThat(bed().result(transfer)).isInstanceOf(TransferResult.Cancelled.class);
            awaitQuiescent(transfer, lease);
            layout.poison();
            gate.open();
            moveSomethingElse();
            layout.assertPoisoned();
        }
    }

    /** Cancel does nothing to a transfer that has completed. */
    @Test
    public final void required_R6_7_cancelAfterCompletionHasNoEffect() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            Transfer transfer = bed().initiator().prepare(id, operation, bed().target(), layout.local(operation));
            transfer.submit();
            bed().result(transfer).orThrow();
            transfer.cancel();
            transfer.finish();
            bed().result(transfer).orThrow();
            bed().result(lease).orThrow();
            layout.assertMoved();
        }
    }

    /** Memory that was given back after a cancel in mid-flight is not written any more, whatever was under way. */
    @Test
    public final void stochastic_R4_4_cancelledInFlightNothingIsWrittenOnceQuiescent() {
        Random random = random();
        for (Operation operation : BOTH) {
            Layout layout = Layout.on(bed(), operation, 4 * MIB, 8, 3);
            for (int round = 0; round < 5; round++) {
                TransferId id = TransferId.random();
                Lease lease = bed().target().offer(id, operation, layout.remote(operation));
                Transfer transfer = bed().initiator().prepare(id, operation, bed().target(), layout.local(operation));
                transfer.submit();
                int blocks = random.nextInt(8);
                Await.until("some blocks are applied", () -> transfer.status().blocksDone() >= blocks);
                transfer.cancel();
                TransferResult result = bed().result(transfer);
                assertThat(result.state()).isIn(TransferState.CANCELLED, TransferState.COMPLETED);
                transfer.finish();
                awaitQuiescent(transfer, lease);
                layout.poison();
                moveSomethingElse();
                layout.assertPoisoned();
            }
        }
    }

    /** When cancel meets completion one of the two wins, for good, and what completed is right on both sides. */
    @Test
    public final void stochastic_R6_8_cancelRacingCompletionHasOneOutcome() {
        for (Operation operation : BOTH) {
            Layout memory = pages(operation);
            for (int round = 0; round < 60; round++) {
                Layout layout = memory.refilled(round);
                TransferId id = TransferId.random();
                Lease lease = bed().target().offer(id, operation, layout.remote(operation));
                Transfer transfer = bed().initiator().prepare(id, operation, bed().target(), layout.local(operation));
                CompletableFuture<Boolean> cancel = Await.start(() -> {
                    transfer.cancel();
                    return true;
                });
                try {
                    transfer.submit();
                } catch (TransferException e) {
                    assertThat(e.code()).isEqualTo(TransferErrorCode.INVALID_REQUEST);
                }
                Await.get("cancel", cancel);
                TransferState first = bed().result(transfer).state();
                transfer.finish();
                TransferState there = bed().result(lease).state();
                assertThat(bed().result(transfer).state()).isEqualTo(first);
                if (first == TransferState.COMPLETED) {
                    assertThat(there).isEqualTo(TransferState.COMPLETED);
                    layout.assertMoved();
                } else {
                    assertThat(first).isEqualTo(TransferState.CANCELLED);
                    assertThat(there).isEqualTo(TransferState.CANCELLED);
                }
                awaitQuiescent(transfer, lease);
            }
        }
    }

    /** A lease that is revoked in mid-flight is never reported complete, and its memory is not touched again. */
    @Test
    public final void required_R18_5_revokedLeaseIsOutOfReach() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            Transfer transfer = bed().initiator()
                    .prepare(bed().initiator()
                            .request(id, operation, bed().target(), layout.local(operation))
                            .deadline(bed().in(Duration.ofSeconds(20))));
            transfer.submit(new BlockRange(0, 4));
            Await.until("the first part", () -> transfer.status().blocksDone() == 4);
            lease.revoke();
            assertThat(bed().result(lease)).isInstanceOf(TransferResult.Cancelled.class);
            Await.advancing(
                    "the leased memory is quiescent",
                    bed().ticker(),
                    Duration.ofMillis(100),
                    () -> lease.memory() == Quiescence.QUIESCENT);
            if (operation == Operation.WRITE) {
                layout.poison();
            }
            submitIfStillPossible(transfer);
            Await.advancing(
                    "the initiator's end",
                    bed().ticker(),
                    Duration.ofSeconds(1),
                    () -> transfer.result().isPresent());
            assertThat(bed().result(transfer).state()).isNotEqualTo(TransferState.COMPLETED);
            moveSomethingElse();
            if (operation == Operation.WRITE) {
                layout.assertPoisoned();
            }
        }
    }

    private static void submitIfStillPossible(Transfer transfer) {
        try {
            transfer.submit(new BlockRange(4, 12));
        } catch (TransferException e) {
            assertThat(e.code()).isNotEqualTo(TransferErrorCode.INTERNAL);
        }
    }

    /** The next attempt is NOT_QUIESCENT for as long as an earlier one may touch the memory, and then it works. */
    @Test
    public final void required_R6_9_nextAttemptWaitsForQuiescence() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            Gate gate = new Gate();
            bed().target().faults().onNext("target.finish", Action.freeze(gate));
            bed().initiator().faults().onNext("io", Action.refuse(TransferErrorCode.TRANSFER_FAILED));
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            TransferRequest request = bed().initiator().request(id, operation, bed().target(), layout.local(operation));
            Transfer failed = bed().initiator().prepare(request);
            failed.submit();
            assertThat(bed().result(failed)).isInstanceOf(TransferResult.Failed.class);
            gate.awaitArrival();
            for (int attempt = 2; attempt < 5; attempt++) {
                TransferRequest again = request.attempt(attempt);
                assertFails(
                        TransferErrorCode.NOT_QUIESCENT, () -> bed().initiator().prepare(again));
            }
            assertThat(lease.memory()).isEqualTo(Quiescence.QUARANTINED);
            gate.open();
            complete(prepareOnceQuiescent(request.attempt(5)), lease, layout);
        }
    }

    /** A cancel or FINISH that comes before the offer is remembered, and its PREPARE does not wait any longer. */
    @Test
    public final void required_R6_10_endBeforeTheOfferIsRemembered() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        TransferRequest request = bed().initiator().request(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        Gate gate = new Gate();
        bed().wire().onNext("prepare.request", Action.freeze(gate));
        CompletableFuture<Transfer> early =
                Await.start(() -> bed().initiator().engine().prepare(request, bed().in(Duration.ofSeconds(1))));
        gate.awaitArrival();
        bed().ticker().advance(Duration.ofSeconds(1));
        assertFails(TransferErrorCode.DEADLINE_EXCEEDED, () -> Await.get("prepare", early));
        Await.until("FINISH is answered", () -> bed().wire().occurrences("finish.reply") > 0);
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        gate.open();
        Await.until("the late PREPARE is answered", () -> bed().wire().occurrences("prepare.reply") > 0);
        assertThat(bed().target().watch().calls("accept")).isZero();
        complete(bed().initiator().prepare(request.attempt(2)), lease, layout);
    }

    private void awaitQuiescent(Transfer transfer, Lease lease) {
        Await.until(
                "both sides are quiescent",
                () -> transfer.memory() == Quiescence.QUIESCENT && lease.memory() == Quiescence.QUIESCENT);
    }
}
