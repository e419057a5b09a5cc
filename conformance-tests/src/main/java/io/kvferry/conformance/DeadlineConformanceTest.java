package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.FaultPlan.Action;
import io.kvferry.engine.Lease;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferRequest;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferId;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Every wait ends: at its deadline on the one clock, never before, and with the peer told.
 *
 * @since 0.1.0
 */
@Tag("deadline")
public abstract class DeadlineConformanceTest extends ConformanceSuite {
    private static final Duration SECOND = Duration.ofSeconds(1);

    /**
     * Makes the suite.
     *
     * @param harness what is tested
     */
    protected DeadlineConformanceTest(BackendHarness harness) {
        super(harness);
    }

    /** A deadline that has passed already is DEADLINE_EXCEEDED, and nothing is sent or allocated. */
    @Test
    public final void required_R1_3_passedDeadlineStartsNothing() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        TransferRequest request = bed().initiator().request(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        assertFails(
                TransferErrorCode.DEADLINE_EXCEEDED, () -> bed().initiator().prepare(request, bed().in(Duration.ZERO)));
        assertThat(bed().target().watch().calls("accept")).isZero();
        assertThat(bed().initiator().watch().calls("prepare")).isZero();
        complete(bed().initiator().prepare(request.attempt(2)), lease, layout);
    }

    /** Prepare ends at its deadline: not a moment before, and without anybody's help. */
    @Test
    public final void required_R1_4_prepareEndsAtItsDeadline() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Gate gate = new Gate();
        bed().wire().onNext("prepare.reply", Action.freeze(gate));
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        TransferRequest request = bed().initiator().request(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        CompletableFuture<Transfer> call =
                Await.start(() -> bed().initiator().engine().prepare(request, bed().in(SECOND)));
        gate.awaitArrival();
        bed().ticker().advance(SECOND.minusNanos(1));
        assertThat(call).isNotDone();
        bed().ticker().advance(Duration.ofNanos(1));
        assertFails(TransferErrorCode.DEADLINE_EXCEEDED, () -> Await.get("prepare at its deadline", call));
        gate.discard();
        lease.revoke();
    }

    /** A transfer times out at its own deadline although nobody waits for it, and its peer is told. */
    @Test
    public final void required_R1_5_transferTimesOutWithoutAnybodyWaiting() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            bed().initiator().faults().onNext("submit", Action.DROP);
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            int finished = bed().target().watch().calls("target.finish");
            Transfer transfer = bed().initiator()
                    .prepare(bed().initiator()
                            .request(id, operation, bed().target(), layout.local(operation))
                            .deadline(bed().in(SECOND)));
            transfer.submit();
            bed().ticker().advance(SECOND.minusNanos(1));
            assertThat(transfer.result()).isEmpty();
            bed().ticker().advance(Duration.ofNanos(1));
            Await.until("the transfer times out", () -> transfer.result().isPresent());
            TransferResult result = bed().result(transfer);
            assertThat(result)
                    .isInstanceOfSatisfying(
                            TransferResult.TimedOut.class,
                            timedOut ->
                                    assertThat(timedOut.error().code()).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED));
            Await.until(
                    "the target is told, in its own grace",
                    () -> bed().target().watch().calls("target.finish") > finished);
            assertThat(lease.result())
                    .as("the lease waits for the next attempt")
                    .isEmpty();
            lease.revoke();
        }
    }

    /** A caller's wait that runs out ends the transfer, at once and for good. */
    @Test
    public final void required_R1_6_waitThatRunsOutEndsTheTransfer() {
        Layout layout = pages(Operation.READ);
        TransferId id = TransferId.random();
        bed().initiator().faults().onNext("submit", Action.DROP);
        Lease lease = bed().target().offer(id, Operation.READ, layout.remote(Operation.READ));
        Transfer transfer = bed().initiator().prepare(id, Operation.READ, bed().target(), layout.local(Operation.READ));
        transfer.submit();
        int timers = bed().ticker().pendingTasks();
        CompletableFuture<TransferResult> wait = Await.start(() -> transfer.await(bed().in(SECOND)));
        Await.until("the caller waits", () -> bed().ticker().pendingTasks() > timers);
        bed().ticker().advance(SECOND);
        assertThat(Await.get("the wait", wait)).isInstanceOf(TransferResult.TimedOut.class);
        lease.revoke();
    }

    /** What had completed before the deadline was looked at has completed. */
    @Test
    public final void required_R1_7_completionBeforeTheDeadlineWins() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            Gate report = new Gate();
            bed().initiator().faults().always("applied", Action.freeze(report));
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            Transfer transfer = bed().initiator()
                    .prepare(bed().initiator()
                            .request(id, operation, bed().target(), layout.local(operation))
                            .deadline(bed().in(SECOND)));
            transfer.submit();
            Await.until("all bytes are applied", () -> transfer.status().blocksDone() == 16);
            bed().ticker().advance(SECOND);
            bed().result(transfer).orThrow();
            bed().initiator().faults().clear();
            report.open();
            transfer.finish();
            bed().result(lease).orThrow();
            layout.assertMoved();
        }
    }

    /** No I/O outlives the lease: the initiator stops a guard before the target's memory may be reused. */
    @Test
    public final void required_R2_1_leaseBoundsTheTransfer() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            bed().initiator().faults().onNext("submit", Action.DROP);
            Lease lease = bed().target()
                    .engine()
                    .offer(Node.request(id, operation, layout.remote(operation)), bed().in(SECOND));
            Transfer transfer = bed().initiator().prepare(id, operation, bed().target(), layout.local(operation));
            transfer.submit();
            bed().ticker().advance(SECOND.minusMillis(51));
            assertThat(transfer.result()).isEmpty();
            bed().ticker().advance(Duration.ofMillis(1));
            Await.until(
                    "the transfer ends before the lease",
                    () -> transfer.result().isPresent());
            assertThat(lease.result()).isEmpty();
            assertThat(bed().result(transfer)).isInstanceOf(TransferResult.TimedOut.class);
            bed().ticker().advance(Duration.ofMillis(50));
            assertThat(bed().result(lease)).isInstanceOf(TransferResult.TimedOut.class);
        }
    }

    /** The time that a PREPARED was under way counts: the lease is anchored where the request was sent. */
    @Test
    public final void required_R2_2_slowReplyShortensTheTransferNotTheGuard() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Gate gate = new Gate();
        bed().wire().onNext("prepare.reply", Action.freeze(gate));
        Lease lease = bed().target()
                .engine()
                .offer(Node.request(id, Operation.WRITE, layout.destinationBlocks()), bed().in(SECOND.multipliedBy(3)));
        TransferRequest request = bed().initiator().request(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        CompletableFuture<Transfer> call =
                Await.start(() -> bed().initiator().engine().prepare(request, bed().far()));
        gate.awaitArrival();
        bed().ticker().advance(SECOND.multipliedBy(2));
        gate.open();
        Transfer transfer = Await.get("prepare", call);
        bed().ticker().advance(SECOND);
        Await.until(
                "the transfer has ended with its lease", () -> transfer.result().isPresent());
        assertThat(bed().result(transfer)).isInstanceOf(TransferResult.TimedOut.class);
        assertThat(bed().result(lease)).isInstanceOf(TransferResult.TimedOut.class);
    }

    /** A backend that cannot connect in time is left at the deadline, and the target is told. */
    @Test
    public final void required_R1_8_connectingEndsAtTheDeadline() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Gate gate = new Gate();
        bed().initiator().faults().onNext("prepare", Action.freeze(gate));
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        TransferRequest request = bed().initiator().request(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        CompletableFuture<Transfer> call =
                Await.start(() -> bed().initiator().engine().prepare(request, bed().in(SECOND)));
        gate.awaitArrival();
        bed().ticker().advance(SECOND);
        assertFails(TransferErrorCode.DEADLINE_EXCEEDED, () -> Await.get("prepare at its deadline", call));
        Await.until("the target is told", () -> bed().target().watch().calls("target.finish") > 0);
        complete(prepareOnceQuiescent(request.attempt(2)), lease, layout);
    }
}
