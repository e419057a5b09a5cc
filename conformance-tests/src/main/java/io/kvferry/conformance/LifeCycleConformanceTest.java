package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.FaultPlan.Action;
import io.kvferry.engine.Lease;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferReport;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Side;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A transfer has one life, told the same way by every backend.
 *
 * @since 0.1.0
 */
@Tag("lifeCycle")
public abstract class LifeCycleConformanceTest extends ConformanceSuite {
    /**
     * Makes the suite.
     *
     * @param harness what is tested
     */
    protected LifeCycleConformanceTest(BackendHarness harness) {
        super(harness);
    }

    /** A transfer goes through its states in order, and its status counts what is done. */
    @Test
    public final void required_R19_1_statesAdvanceInOrder() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            assertThat(lease.status().state()).isEqualTo(TransferState.NEW);
            Transfer transfer = bed().initiator().prepare(id, operation, bed().target(), layout.local(operation));
            assertThat(transfer.status().state()).isEqualTo(TransferState.PREPARED);
            assertThat(transfer.status().bytesTotal()).isEqualTo(16 * 4096);
            assertThat(transfer.status().bytesDone()).isZero();
            assertThat(lease.status().state()).isEqualTo(TransferState.PREPARED);
            assertThat(transfer.result()).isEmpty();
            transfer.submit();
            TransferResult.Completed done = bed().result(transfer).orThrow();
            assertThat(done.bytes()).isEqualTo(16 * 4096);
            assertThat(done.blocks()).isEqualTo(16);
            assertThat(transfer.status().blocksDone()).isEqualTo(16);
            transfer.finish();
            Await.until(
                    () -> "FINISHED, is " + transfer.status(),
                    () -> transfer.status().state() == TransferState.FINISHED);
            bed().result(lease).orThrow();
            Await.until(
                    () -> "FINISHED, is " + lease.status(), () -> lease.status().state() == TransferState.FINISHED);
        }
    }

    /** Each side of a transfer reports its end exactly once, with what happened. */
    @Test
    public final void required_R19_2_eachSideReportsTheEndOnce() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            try (Lease lease = bed().target().offer(id, operation, layout.remote(operation));
                    Transfer transfer =
                            bed().initiator().prepare(id, operation, bed().target(), layout.local(operation))) {
                transfer.submit();
                bed().result(transfer).orThrow();
                transfer.finish();
                transfer.finish();
                bed().result(lease).orThrow();
            }
            Await.until("the target's report", () -> !bed().target().reports(id).isEmpty());
            Await.until(
                    "the initiator's report",
                    () -> !bed().initiator().reports(id).isEmpty());
            moveSomethingElse();
            for (Node node : bed().nodes()) {
                assertThat(node.reports(id)).hasSize(1);
                TransferReport report = node.reports(id).getFirst();
                assertThat(report.result()).isInstanceOf(TransferResult.Completed.class);
                assertThat(report.backend()).isEqualTo(harness().provider().name());
                assertThat(report.operation()).isEqualTo(operation);
                assertThat(report.peer()).isNotEmpty();
            }
        }
    }

    /** A transfer that fails, is cancelled or times out is reported once as well. */
    @Test
    public final void required_R19_3_everyOutcomeIsReportedOnce() {
        Layout layout = pages(Operation.WRITE);
        TransferId failed = TransferId.random();
        bed().initiator().faults().onNext("io", Action.refuse(TransferErrorCode.TRANSFER_FAILED));
        Lease lease = bed().target().offer(failed, Operation.WRITE, layout.destinationBlocks());
        Transfer transfer = bed().initiator().prepare(failed, Operation.WRITE, bed().target(), layout.sourceBlocks());
        transfer.submit();
        assertThat(bed().result(transfer)).isInstanceOf(TransferResult.Failed.class);
        transfer.cancel();
        transfer.finish();
        lease.revoke();
        bed().result(lease);
        Await.until(
                "both reports",
                () -> bed().nodes().stream()
                        .noneMatch(node -> node.reports(failed).isEmpty()));
        moveSomethingElse();
        TransferReport report = bed().initiator().reports(failed).getFirst();
        assertThat(bed().initiator().reports(failed)).hasSize(1);
        assertThat(report.result()).isInstanceOfSatisfying(TransferResult.Failed.class, result -> {
            assertThat(result.error().code()).isEqualTo(TransferErrorCode.TRANSFER_FAILED);
            assertThat(result.error().side()).isEqualTo(Side.INITIATOR);
            assertThat(result.error().peer()).contains("target");
        });
        assertThat(bed().target().reports(failed)).hasSize(1);
    }

    /** Finish is legal in every state, any number of times. */
    @Test
    public final void required_R6_1_finishIsLegalInEveryStateAndIdempotent() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            Transfer transfer = bed().initiator().prepare(id, operation, bed().target(), layout.local(operation));
            transfer.finish();
            transfer.finish();
            transfer.close();
            assertThat(bed().result(transfer)).isInstanceOf(TransferResult.Cancelled.class);
            assertThat(bed().result(lease)).isInstanceOf(TransferResult.Cancelled.class);
            layout.poison();
            moveSomethingElse();
            layout.assertPoisoned();
        }
    }

    /** A submit after the end, of an overlap, or outside the blocks is INVALID_REQUEST and has no effect. */
    @Test
    public final void required_R6_2_illegalSubmitIsRefusedWithoutEffect() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        Transfer transfer = bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        transfer.submit(new BlockRange(4, 4));
        assertFails(TransferErrorCode.INVALID_REQUEST, () -> transfer.submit(new BlockRange(7, 2)));
        assertFails(TransferErrorCode.INVALID_REQUEST, () -> transfer.submit(new BlockRange(4, 1)));
        assertFails(TransferErrorCode.INVALID_REQUEST, () -> transfer.submit(new BlockRange(15, 2)));
        assertFails(TransferErrorCode.INVALID_REQUEST, transfer::submit);
        assertThat(transfer.result()).isEmpty();
        transfer.submit(new BlockRange(8, 8));
        transfer.submit(new BlockRange(0, 4));
        bed().result(transfer).orThrow();
        assertFails(TransferErrorCode.INVALID_REQUEST, () -> transfer.submit(new BlockRange(0, 1)));
        transfer.finish();
        assertFails(TransferErrorCode.INVALID_REQUEST, () -> transfer.submit(new BlockRange(0, 1)));
        bed().result(lease).orThrow();
        layout.assertMoved();
    }

    /** A request that asks for confirmation completes with the target's decision, and the target's alone. */
    @Test
    public final void required_R4_1_confirmedCompletesWithTheTargetsDecision() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            Gate gate = new Gate();
            bed().wire().onNext("finish.request", Action.freeze(gate));
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            try (Transfer transfer = bed().initiator()
                    .prepare(bed().initiator()
                            .request(id, operation, bed().target(), layout.local(operation))
                            .confirm())) {
                transfer.submit();
                gate.awaitArrival();
                assertThat(transfer.result())
                        .as("before the target has decided")
                        .isEmpty();
                gate.open();
                bed().result(transfer).orThrow();
                bed().result(lease).orThrow();
            }
            layout.assertMoved();
        }
    }

    /** Completion is final: whatever is asked of the transfer afterwards changes nothing. */
    @Test
    public final void required_R4_2_outcomeNeverChanges() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        Transfer transfer = bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        transfer.submit();
        TransferResult first = bed().result(transfer);
        transfer.cancel();
        bed().ticker().advance(Node.LONG.dividedBy(2));
        transfer.finish();
        bed().result(lease).orThrow();
        lease.revoke();
        bed().ticker().advance(Node.LONG);
        assertThat(bed().result(transfer)).isEqualTo(first);
        assertThat(bed().result(lease)).isInstanceOf(TransferResult.Completed.class);
        layout.assertMoved();
    }

    /** A PREPARE that comes before its offer waits for it. */
    @Test
    public final void required_R5_1_prepareWaitsForItsOffer() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            Gate gate = new Gate();
            bed().wire().onNext("prepare.request", Action.freeze(gate));
            CompletableFuture<Transfer> early = Await.start(() -> bed().initiator()
                    .engine()
                    .prepare(
                            bed().initiator().request(id, operation, bed().target(), layout.local(operation)),
                            bed().far()));
            gate.awaitArrival();
            gate.open();
            Await.until(
                    "the request waits for its offer",
                    () -> bed().target().engine().status().waitingPrepares() == 1);
            assertThat(early).isNotDone();
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            complete(Await.get("prepare, once the offer is there", early), lease, layout);
        }
    }

    /** Without an offer a PREPARE is NOT_FOUND once kvferry.offer-wait has passed, not before. */
    @Test
    public final void required_R8_1_prepareWithoutOfferIsNotFound() {
        Layout layout = pages(Operation.WRITE);
        Gate gate = new Gate();
        bed().wire().onNext("prepare.request", Action.freeze(gate));
        CompletableFuture<Transfer> waits = Await.start(() -> bed().initiator()
                .engine()
                .prepare(
                        bed().initiator()
                                .request(TransferId.random(), Operation.WRITE, bed().target(), layout.sourceBlocks()),
                        bed().far()));
        gate.awaitArrival();
        gate.open();
        Await.until(
                "the target waits for an offer",
                () -> bed().target().engine().status().waitingPrepares() == 1);
        bed().ticker().advance(Duration.ofSeconds(9));
        assertThat(waits).isNotDone();
        bed().ticker().advance(Duration.ofSeconds(2));
        assertFails(TransferErrorCode.NOT_FOUND, () -> Await.get("the refusal", waits));
    }
}
