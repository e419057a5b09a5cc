package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.FaultPlan.Action;
import io.kvferry.engine.Lease;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A transfer that has ended is not one that is over: memory is given back when quiescence is proved.
 *
 * @since 0.1.0
 */
@Tag("quarantine")
public abstract class QuarantineConformanceTest extends ConformanceSuite {
    private static final Duration SECOND = Duration.ofSeconds(1);
    private static final Duration GRACE = Duration.ofSeconds(2);

    /**
     * Makes the suite.
     *
     * @param harness what is tested
     */
    protected QuarantineConformanceTest(BackendHarness harness) {
        super(harness);
    }

    /** A side that is not proved quiescent is locked, counted and visible, until it is. */
    @Test
    public final void required_R4_5_unprovedMemoryIsLockedCountedAndVisible() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            Memory local = operation == Operation.WRITE ? layout.source() : layout.destination();
            TransferId id = TransferId.random();
            Gate proof = new Gate();
            bed().initiator().faults().onNext("submit", Action.DROP).onNext("finish", Action.freeze(proof));
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            Transfer transfer = bed().initiator()
                    .prepare(bed().initiator()
                            .request(id, operation, bed().target(), layout.local(operation))
                            .deadline(bed().in(SECOND)));
            transfer.submit();
            bed().ticker().advance(SECOND);
            proof.awaitArrival();
            TransferResult result = bed().result(transfer);
            assertThat(result).isInstanceOf(TransferResult.TimedOut.class);
            assertThat(result.memory()).isEqualTo(Quiescence.QUARANTINED);
            assertThat(transfer.memory()).isEqualTo(Quiescence.QUARANTINED);
            assertThat(transfer.status().state()).isEqualTo(TransferState.QUARANTINED);
            assertThat(bed().initiator().engine().status().quarantinedTransfers())
                    .isEqualTo(1);
            assertThat(bed().initiator().engine().status().quarantinedBytes()).isEqualTo(16 * 4096);
            assertThat(local.isInUse()).isTrue();
            assertThat(bed().initiator().watch().calls("deregister")).isZero();
            proof.open();
            Await.until("the memory is free", () -> transfer.memory() == Quiescence.QUIESCENT);
            assertThat(bed().result(transfer).memory()).isEqualTo(Quiescence.QUIESCENT);
            assertThat(bed().initiator().engine().status().quarantinedTransfers())
                    .isZero();
            assertThat(local.isInUse()).isFalse();
            lease.revoke();
            bed().result(lease);
        }
    }

    /** Closing memory in quarantine does not free it; it is freed when quiescence is proved. */
    @Test
    public final void required_R4_6_memoryInQuarantineIsFreedWhenProvedAndNotBefore() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Gate proof = new Gate();
        bed().target().faults().onNext("target.finish", Action.freeze(proof));
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        Transfer transfer = bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        transfer.cancel();
        proof.awaitArrival();
        assertThat(bed().result(lease).memory()).isEqualTo(Quiescence.QUARANTINED);
        assertFails(
                TransferErrorCode.RESOURCE_EXHAUSTED,
                () -> Await.call("close of memory in quarantine", () -> {
                    layout.destination().close(bed().in(Duration.ZERO));
                    return true;
                }));
        assertThat(bed().target().watch().calls("deregister")).isZero();
        layout.poison();
        layout.assertPoisoned();
        proof.open();
        Await.until(
                "the registration is taken back", () -> bed().target().watch().calls("deregister") == 1);
    }

    /** What is not proved in time is fenced: first its connection, then the instance. */
    @Test
    public final void required_R4_7_engineFencesOnAClock() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Gate proof = new Gate();
        bed().initiator()
                .faults()
                .onNext("finish", Action.freeze(proof))
                .onNext("reset", Action.refuse(TransferErrorCode.DEADLINE_EXCEEDED));
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        Transfer transfer = bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        transfer.cancel();
        proof.awaitArrival();
        bed().result(lease);
        Watch watch = bed().initiator().watch();
        bed().ticker().advance(GRACE.minusNanos(1));
        assertThat(watch.calls("reset")).isZero();
        bed().ticker().advance(Duration.ofNanos(1));
        Await.until("the connection is fenced", () -> watch.calls("reset") == 1);
        assertThat(transfer.memory()).as("while the fence is not proved").isEqualTo(Quiescence.QUARANTINED);
        Await.advancing(
                "the instance is fenced", bed().ticker(), Duration.ofMillis(100), () -> watch.calls("reset") == 2);
        Await.until("the memory is free", () -> transfer.memory() == Quiescence.QUIESCENT);
        proof.open();
        moveSomethingElse();
    }

    /** Past the cap on quarantined memory no more is lent, and the refusal names the key. */
    @Test
    public final void required_R4_8_quarantineIsCapped() {
        open(Map.of("kvferry.max-quarantined", "64KiB"));
        Layout layout = Layout.on(bed(), Operation.WRITE, 4096, 32, 1);
        TransferId id = TransferId.random();
        Gate proof = new Gate();
        bed().target().faults().onNext("target.finish", Action.freeze(proof));
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        Transfer transfer = bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        transfer.cancel();
        proof.awaitArrival();
        bed().result(lease);
        TransferException refusal = assertFails(
                TransferErrorCode.RESOURCE_EXHAUSTED,
                () -> bed().target().offer(TransferId.random(), Operation.WRITE, layout.destinationBlocks()));
        assertThat(refusal.getMessage()).contains("kvferry.max-quarantined");
        proof.open();
        Await.until("the memory is free", () -> lease.memory() == Quiescence.QUIESCENT);
        bed().target()
                .offer(TransferId.random(), Operation.WRITE, layout.destinationBlocks())
                .revoke();
    }

    /** Timed out with bytes in flight: once given back, not one byte changes, although the data plane goes on. */
    @Test
    public final void required_R4_9_timedOutInFlightNothingIsWrittenOnceQuiescent() {
        for (Operation operation : BOTH) {
            Layout layout = Layout.on(bed(), operation, 1 << 20, 16, 7);
            TransferId id = TransferId.random();
            Gate gate = new Gate();
            Optional<BackendHarness.DataPlaneFaults> hooks = harness().dataPlaneFaults();
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            Transfer transfer = bed().initiator()
                    .prepare(bed().initiator()
                            .request(id, operation, bed().target(), layout.local(operation))
                            .deadline(bed().in(SECOND)));
            hooks.ifPresentOrElse(
                    BackendHarness.DataPlaneFaults::freeze,
                    () -> bed().initiator().faults().onNext("submit", Action.freeze(gate)));
            transfer.submit();
            bed().ticker().advance(SECOND);
            TransferResult result = bed().result(transfer);
            assertThat(result).isInstanceOf(TransferResult.TimedOut.class);
            hooks.ifPresent(BackendHarness.DataPlaneFaults::thaw);
            lease.revoke();
            Await.advancing(
                    "both sides are quiescent",
                    bed().ticker(),
                    Duration.ofMillis(100),
                    () -> transfer.memory() == Quiescence.QUIESCENT && lease.memory() == Quiescence.QUIESCENT);
            layout.poison();
            gate.open();
            moveSomethingElse();
            layout.assertPoisoned();
        }
    }
}
