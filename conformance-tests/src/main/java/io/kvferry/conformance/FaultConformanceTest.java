package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.FaultPlan.Action;
import io.kvferry.engine.Lease;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferRequest;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Side;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * What breaks, breaks its own transfer, with an error that says so; the next one works.
 *
 * @since 0.1.0
 */
@Tag("fault")
public abstract class FaultConformanceTest extends ConformanceSuite {
    private static final Duration SECOND = Duration.ofSeconds(1);

    /**
     * Makes the suite.
     *
     * @param harness what is tested
     */
    protected FaultConformanceTest(BackendHarness harness) {
        super(harness);
    }

    /** Each step that can fail fails its own transfer with its own code; the next attempt to the same peer works. */
    @Test
    public final void required_R9_2_failedStepIsTheCallersErrorAndPoisonsNothing() {
        TransferErrorCode code = TransferErrorCode.RESOURCE_EXHAUSTED;
        for (Operation operation : BOTH) {
            for (String point : List.of("propose", "accept", "prepare", "submit", "io")) {
                Layout layout = pages(operation);
                TransferId id = TransferId.random();
                Node where = point.equals("accept") ? bed().target() : bed().initiator();
                where.faults().onNext(point, Action.refuse(code));
                Lease lease = bed().target().offer(id, operation, layout.remote(operation));
                TransferRequest request =
                        bed().initiator().request(id, operation, bed().target(), layout.local(operation));
                TransferException failure = assertFails(code, () -> {
                    try (Transfer transfer = bed().initiator().prepare(request)) {
                        transfer.submit();
                        bed().result(transfer).orThrow();
                    }
                });
                assertThat(failure.error().side())
                        .as("side of a failure at " + point)
                        .isEqualTo(point.equals("accept") ? Side.TARGET : Side.INITIATOR);
                assertThat(failure.error().isRetryable()).isTrue();
                assertThat(lease.result())
                        .as("the lease after a failure at " + point)
                        .isEmpty();
                complete(prepareOnceQuiescent(request.attempt(2)), lease, layout);
            }
        }
    }

    /** A transfer that fails leaves its neighbours alone. */
    @Test
    public final void required_R14_6_failureStaysWithItsTransfer() {
        Layout healthy = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, Operation.WRITE, healthy.destinationBlocks());
        Transfer neighbour = bed().initiator().prepare(id, Operation.WRITE, bed().target(), healthy.sourceBlocks());
        neighbour.submit(new BlockRange(0, 8));
        awaitSubmits(1);
        for (int i = 0; i < 5; i++) {
            Layout layout = pages(Operation.WRITE);
            TransferId failing = TransferId.random();
            bed().initiator().faults().onNext("io", Action.refuse(TransferErrorCode.TRANSFER_FAILED));
            Lease other = bed().target().offer(failing, Operation.WRITE, layout.destinationBlocks());
            Transfer transfer =
                    bed().initiator().prepare(failing, Operation.WRITE, bed().target(), layout.sourceBlocks());
            transfer.submit();
            assertThat(bed().result(transfer)).isInstanceOf(TransferResult.Failed.class);
            other.revoke();
        }
        neighbour.submit(new BlockRange(8, 8));
        bed().result(neighbour).orThrow();
        neighbour.finish();
        bed().result(lease).orThrow();
        healthy.assertMoved();
    }

    /** What is staged reaches the backend only when it has been copied. */
    private void awaitSubmits(int count) {
        Await.until(
                "the backend is asked to submit",
                () -> bed().initiator().watch().calls("submit") >= count);
    }

    /** A peer that vanishes ends a transfer by its deadline at the latest, never COMPLETED, and memory comes back. */
    @Test
    public final void required_R1_10_vanishedPeerEndsTheTransfer() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            Node victim = bed().open("victim-of-" + operation, new Watch(), Map.of());
            Memory memory = victim.memory(64 * 1024);
            BlockList remote = BlockList.uniform(memory.region(), 0, 0, 4096, 16);
            bed().initiator().faults().onNext("submit", Action.DROP);
            victim.offer(id, operation, remote);
            Transfer transfer = bed().initiator()
                    .prepare(bed().initiator()
                            .request(id, operation, victim, layout.local(operation))
                            .deadline(bed().in(SECOND)));
            int before = bed().initiator().watch().calls("submit");
            transfer.submit();
            awaitSubmits(before + 1);
            bed().network().kill(victim.address());
            Await.advancing(
                    "the transfer ends",
                    bed().ticker(),
                    Duration.ofMillis(100),
                    () -> transfer.result().isPresent());
            assertThat(bed().result(transfer).state()).isNotEqualTo(TransferState.COMPLETED);
            Await.advancing(
                    "the memory is free",
                    bed().ticker(),
                    Duration.ofMillis(100),
                    () -> transfer.memory() == Quiescence.QUIESCENT);
            assertFailsWithOneOf(
                    Set.of(
                            TransferErrorCode.CONTROL_FAILED,
                            TransferErrorCode.CONNECTION_FAILED,
                            TransferErrorCode.PEER_LOST),
                    () -> bed().initiator().prepare(TransferId.random(), operation, victim, layout.local(operation)));
            moveSomethingElse();
        }
    }

    /** After a restart of the target at most one attempt fails, and nothing of the old process is used again. */
    @Test
    public final void required_R13_2_restartedTargetHealsAfterOneFailedAttempt() {
        Layout layout = pages(Operation.WRITE);
        bed().move(Operation.WRITE, layout.sourceBlocks(), layout.destinationBlocks());
        PeerAddress address = bed().target().address();
        bed().network().kill(address);
        bed().target().close();
        Node restarted = bed().restart("target", address);
        Memory memory = restarted.memory(64 * 1024);
        BlockList remote = BlockList.uniform(memory.region(), 0, 0, 4096, 16);
        TransferId id = TransferId.random();
        Lease lease = restarted.offer(id, Operation.WRITE, remote);
        TransferRequest request = bed().initiator().request(id, Operation.WRITE, restarted, layout.sourceBlocks());
        Transfer transfer = healed(request);
        transfer.submit();
        bed().result(transfer).orThrow();
        transfer.finish();
        bed().result(lease).orThrow();
        Layout.assertSame(
                "what the restarted target holds",
                Layout.copyOf(layout.source(), 0, 16 * 4096),
                Layout.copyOf(memory, 0, 16 * 4096));
    }

    private Transfer healed(TransferRequest request) {
        try {
            return bed().initiator().prepare(request);
        } catch (TransferException e) {
            assertThat(e.error().isRetryable()).as(e.getMessage()).isTrue();
            return bed().initiator().prepare(request.attempt(request.attempt() + 1));
        }
    }

    /** A target that restarts between prepare and submit is never written by the old transfer. */
    @Test
    public final void required_R13_3_restartBetweenPrepareAndSubmitEndsTheTransfer() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        Transfer transfer = bed().initiator()
                .prepare(bed().initiator()
                        .request(id, Operation.WRITE, bed().target(), layout.sourceBlocks())
                        .deadline(bed().in(SECOND)));
        PeerAddress address = bed().target().address();
        bed().network().kill(address);
        bed().target().close();
        Node restarted = bed().restart("target", address);
        Memory memory = restarted.memory(64 * 1024);
        MemorySegment before = Layout.copyOf(memory);
        restarted.offer(id, Operation.WRITE, BlockList.uniform(memory.region(), 0, 0, 4096, 16));
        try {
            transfer.submit();
        } catch (TransferException e) {
            assertThat(e.code()).isNotEqualTo(TransferErrorCode.INTERNAL);
        }
        Await.advancing(
                "the transfer ends",
                bed().ticker(),
                Duration.ofMillis(100),
                () -> transfer.result().isPresent());
        assertThat(bed().result(transfer).state()).isNotEqualTo(TransferState.COMPLETED);
        Layout.assertSame("memory of the restarted target", before, Layout.copyOf(memory));
    }

    /** Bytes of which some never arrive are never COMPLETED. */
    @Test
    public final void required_R4_10_partlyArrivedIsNeverCompleted() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            bed().initiator().faults().onNext("submit", Action.HALF);
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            Transfer transfer = bed().initiator()
                    .prepare(bed().initiator()
                            .request(id, operation, bed().target(), layout.local(operation))
                            .deadline(bed().in(SECOND)));
            transfer.submit();
            Await.until("half of it is applied", () -> transfer.status().blocksDone() == 8);
            assertThat(transfer.result()).isEmpty();
            bed().ticker().advance(SECOND);
            TransferResult result = bed().result(transfer);
            assertThat(result).isInstanceOf(TransferResult.TimedOut.class);
            lease.revoke();
            assertThat(bed().result(lease).state()).isNotEqualTo(TransferState.COMPLETED);
        }
    }

    /** A data plane that fails fails the transfer, and works again when it is well. */
    @Test
    public final void required_R9_3_failingDataPlaneFailsTheTransferOnly() {
        Optional<BackendHarness.DataPlaneFaults> hooks = harness().dataPlaneFaults();
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            if (!hooks.map(BackendHarness.DataPlaneFaults::fail).orElse(false)) {
                bed().initiator().faults().onNext("io", Action.refuse(TransferErrorCode.TRANSFER_FAILED));
            }
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            TransferRequest request = bed().initiator()
                    .request(id, operation, bed().target(), layout.local(operation))
                    .deadline(bed().in(SECOND.multipliedBy(30)));
            Transfer transfer = bed().initiator().prepare(request);
            transfer.submit();
            assertThat(bed().result(transfer))
                    .isInstanceOfSatisfying(
                            TransferResult.Failed.class,
                            failed -> assertThat(failed.error().isRetryable())
                                    .as(failed.error().toString())
                                    .isTrue());
            transfer.finish();
            hooks.ifPresent(BackendHarness.DataPlaneFaults::heal);
            complete(prepareOnceQuiescent(request.attempt(2)), lease, layout);
        }
    }
}
