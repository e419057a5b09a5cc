package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.FaultPlan.Action;
import io.kvferry.engine.Lease;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferRequest;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Payload;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Close ends in bounded time, leaves nothing behind in silence, and is not mistaken for a crash.
 *
 * @since 0.1.0
 */
@Tag("close")
public abstract class CloseConformanceTest extends ConformanceSuite {
    private static final Duration SECOND = Duration.ofSeconds(1);

    /**
     * Makes the suite.
     *
     * @param harness what is tested
     */
    protected CloseConformanceTest(BackendHarness harness) {
        super(harness);
    }

    /** After close every verb is SHUTTING_DOWN, and closing again is harmless. */
    @Test
    public final void required_R20_2_closedEngineRefusesEverything() {
        Layout layout = pages(Operation.WRITE);
        Lease lease = bed().target().offer(TransferId.random(), Operation.WRITE, layout.destinationBlocks());
        bed().target().close();
        assertThat(bed().result(lease).state()).isIn(TransferState.CANCELLED, TransferState.TIMED_OUT);
        assertThat(bed().target().close().isClean()).isTrue();
        bed().target().engine().close();
        assertFails(TransferErrorCode.SHUTTING_DOWN, () -> bed().target().memory(4096));
        assertFails(
                TransferErrorCode.SHUTTING_DOWN,
                () -> bed().target().offer(TransferId.random(), Operation.WRITE, layout.destinationBlocks()));
        assertFails(
                TransferErrorCode.SHUTTING_DOWN,
                () -> bed().target()
                        .prepare(TransferId.random(), Operation.WRITE, bed().initiator(), layout.sourceBlocks()));
        assertFails(
                TransferErrorCode.SHUTTING_DOWN,
                () -> bed().target().engine().notify(bed().initiator().address(), "topic", Payload.EMPTY, bed().far()));
        assertThat(bed().target().watch().calls("close")).isEqualTo(1);
    }

    /** Close ends a transfer in flight, for its waiting caller and for its peer. */
    @Test
    public final void required_R20_3_closeEndsTransfersInFlight() {
        for (Operation operation : BOTH) {
            Bed fresh = new Bed(harness());
            Layout layout = Layout.on(fresh, operation, 4096, 16, 1);
            TransferId id = TransferId.random();
            fresh.initiator().faults().onNext("submit", Action.DROP);
            Lease lease = fresh.target().offer(id, operation, layout.remote(operation));
            Transfer transfer = fresh.initiator().prepare(id, operation, fresh.target(), layout.local(operation));
            transfer.submit();
            CompletableFuture<TransferResult> wait = Await.start(() -> transfer.await(fresh.far()));
            assertThat(fresh.initiator().close().isClean()).isTrue();
            assertThat(Await.get("the caller's wait", wait).state())
                    .isIn(TransferState.CANCELLED, TransferState.FAILED);
            assertThat(fresh.result(lease).state()).isNotEqualTo(TransferState.COMPLETED);
            assertThat(fresh.target().close().isClean()).isTrue();
            fresh.nodes().forEach(node -> assertThat(node.watch().violations()).isEmpty());
            fresh.nodes().forEach(node -> assertThat(node.watch().held()).isEmpty());
        }
    }

    /** Close releases every parked caller: of leases, of parts, of a peer that does not answer. */
    @Test
    public final void required_R20_4_closeReleasesParkedCallers() {
        Layout layout = pages(Operation.WRITE);
        Node target = bed().target();
        Lease lease = target.offer(TransferId.random(), Operation.WRITE, layout.destinationBlocks());
        int timers = bed().ticker().pendingTasks();
        CompletableFuture<Boolean> part = Await.start(() -> lease.awaitApplied(new BlockRange(0, 1), bed().far()));
        Await.until("a caller waits for a part", () -> bed().ticker().pendingTasks() > timers);
        CompletableFuture<TransferResult> end = Await.start(() -> lease.await(bed().far()));
        Gate gate = new Gate();
        bed().wire().onNext("prepare.request", Action.freeze(gate));
        TransferRequest request =
                target.request(TransferId.random(), Operation.WRITE, bed().initiator(), layout.destinationBlocks());
        CompletableFuture<Transfer> prepare = Await.start(() -> target.engine().prepare(request, bed().far()));
        gate.awaitArrival();
        target.close();
        assertThat(Await.get("the wait for a part", part)).isFalse();
        assertThat(Await.get("the wait for a lease", end).state()).isNotEqualTo(TransferState.COMPLETED);
        assertFailsWithOneOf(
                Set.of(
                        TransferErrorCode.SHUTTING_DOWN,
                        TransferErrorCode.CANCELLED,
                        TransferErrorCode.CONTROL_FAILED,
                        TransferErrorCode.DEADLINE_EXCEEDED),
                () -> Await.get("prepare", prepare));
        gate.discard();
    }

    /** Close ends in its time whatever is in quarantine, says by name what it leaves, and leaves that mapped. */
    @Test
    public final void required_R20_5_closeIsBoundedAndNamesWhatItLeaves() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Gate proof = new Gate();
        bed().target()
                .faults()
                .onNext("target.finish", Action.freeze(proof))
                .always("reset", Action.refuse(TransferErrorCode.DEADLINE_EXCEEDED));
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        Transfer transfer = bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        transfer.cancel();
        proof.awaitArrival();
        bed().result(lease);
        bed().abandon(bed().target());
        Deadline deadline = bed().in(SECOND.multipliedBy(3));
        CompletableFuture<CloseReport> closing =
                Await.start(() -> bed().target().engine().close(deadline));
        while (!deadline.isExpired()) {
            bed().ticker().advance(Duration.ofMillis(100));
        }
        CloseReport report = Await.get("close at its deadline, with the clock standing still", closing);
        assertThat(report.isClean()).isFalse();
        assertThat(String.join("\n", report.abandoned())).contains(id.toString());
        assertThat(bed().target().watch().calls("deregister")).isZero();
        // the closed engine copies nothing any more; what it left mapped is reached through the other one
        Memory left = bed().initiator().engine().register(layout.destination().region());
        Layout.poison(left);
        Layout.assertPoisoned(left);
        proof.open();
    }

    /** A peer that closed in good order is not one that was lost. */
    @Test
    public final void required_R8_2_orderlyCloseIsNotPeerLost() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        bed().move(Operation.WRITE, layout.sourceBlocks(), layout.destinationBlocks());
        bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        Transfer transfer = bed().initiator()
                .prepare(bed().initiator()
                        .request(id, Operation.WRITE, bed().target(), layout.sourceBlocks())
                        .deadline(bed().in(Duration.ofSeconds(5))));
        bed().target().close();
        submitIfStillPossible(transfer);
        Await.advancing(
                "the transfer ends",
                bed().ticker(),
                Duration.ofMillis(200),
                () -> transfer.result().isPresent());
        switch (bed().result(transfer)) {
            case TransferResult.Completed completed -> throw new AssertionError("completed with a closed peer");
            case TransferResult.Failed failed ->
                assertThat(failed.error().code()).isNotIn(TransferErrorCode.PEER_LOST, TransferErrorCode.INTERNAL);
            case TransferResult.Cancelled cancelled ->
                assertThat(cancelled.error().detail()).isNotEmpty();
            case TransferResult.TimedOut timedOut ->
                assertThat(timedOut.error().detail()).isNotEmpty();
        }
        assertFailsWithOneOf(
                Set.of(
                        TransferErrorCode.CONTROL_FAILED,
                        TransferErrorCode.CONNECTION_FAILED,
                        TransferErrorCode.SHUTTING_DOWN),
                () -> bed().initiator()
                        .prepare(TransferId.random(), Operation.WRITE, bed().target(), layout.sourceBlocks()));
    }

    private static void submitIfStillPossible(Transfer transfer) {
        try {
            transfer.submit();
        } catch (TransferException e) {
            assertThat(e.code()).isNotIn(TransferErrorCode.PEER_LOST, TransferErrorCode.INTERNAL);
        }
    }

    /** Many callers may close at the same time; each returns once the engine is closed. */
    @Test
    public final void required_R20_6_concurrentClosesAllReturn() {
        moveSomethingElse();
        List<CompletableFuture<CloseReport>> closes = IntStream.range(0, 16)
                .mapToObj(i -> Await.start(() -> bed().target().engine().close(bed().far())))
                .toList();
        closes.forEach(close -> assertThat(Await.get("close", close).isClean()).isTrue());
        assertThat(bed().target().watch().calls("close")).isEqualTo(1);
    }
}
