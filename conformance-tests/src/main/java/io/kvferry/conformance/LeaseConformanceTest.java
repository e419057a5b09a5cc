package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.FaultPlan.Action;
import io.kvferry.engine.Lease;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferRequest;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Capability;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The target's lease is the contract: what, for whom, how, until when.
 *
 * @since 0.1.0
 */
@Tag("lease")
public abstract class LeaseConformanceTest extends ConformanceSuite {
    private static final Duration SECOND = Duration.ofSeconds(1);

    /**
     * Makes the suite.
     *
     * @param harness what is tested
     */
    protected LeaseConformanceTest(BackendHarness harness) {
        super(harness);
    }

    /** A lease that nobody uses ends at its deadline with LEASE_ENDED, and its memory is free. */
    @Test
    public final void required_R5_9_unusedLeaseEndsAtItsDeadline() {
        Layout layout = pages(Operation.WRITE);
        Lease lease = bed().target()
                .engine()
                .offer(
                        Node.request(TransferId.random(), Operation.WRITE, layout.destinationBlocks()),
                        bed().in(SECOND));
        bed().ticker().advance(SECOND.minusNanos(1));
        assertThat(lease.result()).isEmpty();
        assertThat(layout.destination().isInUse()).isTrue();
        bed().ticker().advance(Duration.ofNanos(1));
        assertThat(bed().result(lease))
                .isInstanceOfSatisfying(
                        TransferResult.TimedOut.class,
                        timedOut -> assertThat(timedOut.error().code()).isEqualTo(TransferErrorCode.LEASE_ENDED));
        assertThat(lease.memory()).isEqualTo(Quiescence.QUIESCENT);
        assertThat(layout.destination().isInUse()).isFalse();
        assertThat(bed().target().engine().status().leases()).isZero();
    }

    /** A lease for one node refuses another with ACCESS_DENIED. */
    @Test
    public final void required_R18_6_leaseIsForTheNodeItNames() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Lease lease = bed().target()
                .offer(Node.request(id, Operation.WRITE, layout.destinationBlocks())
                        .onlyFor("somebody-else"));
        assertFails(
                TransferErrorCode.ACCESS_DENIED,
                () -> bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks()));
        assertThat(bed().target().watch().calls("accept")).isZero();
        lease.revoke();
        TransferId mine = TransferId.random();
        Lease forMe = bed().target()
                .offer(Node.request(mine, Operation.WRITE, layout.destinationBlocks())
                        .onlyFor("initiator"));
        complete(
                bed().initiator().prepare(mine, Operation.WRITE, bed().target(), layout.sourceBlocks()), forMe, layout);
    }

    /** A lease allows the access it names and no other. */
    @Test
    public final void required_R18_7_leaseAllowsTheAccessItNames() {
        for (Operation operation : BOTH) {
            Operation other = operation == Operation.WRITE ? Operation.READ : Operation.WRITE;
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            layout.poison();
            assertFails(
                    TransferErrorCode.ACCESS_DENIED,
                    () -> bed().initiator().prepare(id, other, bed().target(), layout.local(operation)));
            layout.assertPoisoned();
            lease.revoke();
        }
    }

    /** One transfer id is one lease. */
    @Test
    public final void required_R15_8_secondOfferOfTheSameIdIsRefused() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        assertFails(
                TransferErrorCode.ALREADY_EXISTS,
                () -> bed().target().offer(id, Operation.WRITE, layout.destinationBlocks()));
        complete(bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks()), lease, layout);
    }

    /** One attempt at a time: a second initiator is told that the lease is in use, and the first goes on. */
    @Test
    public final void required_R15_9_secondInitiatorIsRefusedAndTheFirstGoesOn() {
        Layout layout = pages(Operation.WRITE);
        Node second = bed().open("second", new Watch(), Map.of());
        Memory memory = second.memory(layout.source().region().sizeBytes());
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        Transfer first = bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        assertFails(
                TransferErrorCode.ALREADY_EXISTS,
                () -> second.prepare(
                        id, Operation.WRITE, bed().target(), BlockList.uniform(memory.region(), 0, 0, 4096, 16)));
        complete(first, lease, layout);
    }

    /** A standing lease serves many transfers at the same time, each with keys of its own choice. */
    @Test
    public final void required_R15_10_standingLeaseServesManySubsets() {
        for (Operation operation : BOTH) {
            Layout layout = Layout.on(bed(), operation, 1024, 64, 17);
            TransferId id = TransferId.random();
            Lease lease = bed().target()
                    .offer(Node.request(id, operation, layout.remote(operation)).asStanding());
            List<CompletableFuture<TransferResult>> fetches = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                BlockList four = layout.local(operation).select(4 * i + 3, 4 * i, 4 * i + 2, 4 * i + 1);
                TransferRequest request = bed().initiator()
                        .request(id, operation, bed().target(), four)
                        .attempt(i + 1);
                fetches.add(Await.start(() -> {
                    try (Transfer transfer = bed().initiator().engine().prepare(request, bed().far())) {
                        transfer.submit();
                        return transfer.await(bed().far());
                    }
                }));
            }
            fetches.forEach(fetch -> Await.get("a fetch", fetch).orThrow());
            layout.assertMoved();
            assertThat(lease.result()).as("a standing lease goes on").isEmpty();
            lease.revoke();
            assertThat(bed().result(lease)).isInstanceOf(TransferResult.Cancelled.class);
            Await.until("the memory is free", () -> lease.memory() == Quiescence.QUIESCENT);
        }
    }

    /** A standing lease asked for keys it has not leaves them out; asked for none it has, it refuses. */
    @Test
    public final void required_R15_11_standingLeaseLeavesOutKeysItHasNot() {
        Layout layout = pages(Operation.READ);
        BlockList half = layout.remote(Operation.READ).select(0, 1, 2, 3, 4, 5, 6, 7);
        TransferId id = TransferId.random();
        Lease lease =
                bed().target().offer(Node.request(id, Operation.READ, half).asStanding());
        TransferRequest request =
                bed().initiator().request(id, Operation.READ, bed().target(), layout.local(Operation.READ));
        try (Transfer transfer = bed().initiator().prepare(request)) {
            assertThat(transfer.unmatched()).isEqualTo(8);
            transfer.submit();
            assertThat(bed().result(transfer).orThrow().blocks()).isEqualTo(8);
        }
        BlockList none = layout.local(Operation.READ).select(8, 9);
        assertFails(
                TransferErrorCode.BUFFER_MISMATCH,
                () -> bed().initiator()
                        .prepare(bed().initiator()
                                .request(id, Operation.READ, bed().target(), none)
                                .attempt(2)));
        lease.revoke();
    }

    /** Where the target cannot end a peer's access by itself, an expired lease is quarantined until it is fenced. */
    @Test
    public final void required_R5_10_expiredLeaseWithoutRevokeIsQuarantinedUntilFenced() {
        open(Map.of(), new Watch(), new Watch().without(Capability.REVOKE));
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Lease lease = bed().target()
                .engine()
                .offer(Node.request(id, Operation.WRITE, layout.destinationBlocks()), bed().in(SECOND));
        Transfer transfer = bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        bed().network().partition(bed().initiator().address(), bed().target().address());
        bed().ticker().advance(SECOND);
        Await.until("the lease ends", () -> lease.result().isPresent());
        assertThat(lease.memory()).isEqualTo(Quiescence.QUARANTINED);
        assertThat(bed().target().engine().status().quarantinedTransfers()).isEqualTo(1);
        assertThat(bed().target().engine().status().quarantinedBytes()).isEqualTo(16 * 4096);
        Await.until("the transfer ends", () -> transfer.result().isPresent());
        Await.advancing(
                "the engine fences it",
                bed().ticker(),
                Duration.ofMillis(500),
                () -> lease.memory() == Quiescence.QUIESCENT);
        assertThat(bed().target().watch().calls("reset")).isPositive();
        assertThat(bed().target().engine().status().quarantinedTransfers()).isZero();
    }

    /** Where it can, an expired lease's memory is free as soon as the bytes that had begun to land are down. */
    @Test
    public final void capability_R5_11_expiredLeaseWithRevokeIsFreeWithoutItsPeer() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Lease lease = bed().target()
                .engine()
                .offer(Node.request(id, Operation.WRITE, layout.destinationBlocks()), bed().in(SECOND));
        Transfer transfer = bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        bed().network().partition(bed().initiator().address(), bed().target().address());
        bed().ticker().advance(SECOND);
        Await.until("the lease ends", () -> lease.result().isPresent());
        assertThat(bed().result(lease)).isInstanceOf(TransferResult.TimedOut.class);
        if (bed().target().can(Capability.REVOKE)) {
            Await.until("the memory is free", () -> lease.memory() == Quiescence.QUIESCENT);
        } else {
            assertThat(lease.memory()).isEqualTo(Quiescence.QUARANTINED);
            Await.advancing(
                    "the engine fences it",
                    bed().ticker(),
                    Duration.ofMillis(500),
                    () -> lease.memory() == Quiescence.QUIESCENT);
        }
        layout.poison();
        assertThat(bed().result(transfer).state()).isNotEqualTo(TransferState.COMPLETED);
        layout.assertPoisoned();
    }

    /** PREPAREs that wait for their offers are bounded. */
    @Test
    public final void required_R17_2_waitingPreparesAreBounded() {
        open(Map.of("kvferry.max-waiting-prepares", "2"));
        Layout layout = pages(Operation.WRITE);
        List<CompletableFuture<Transfer>> calls = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            TransferRequest request = bed().initiator()
                    .request(TransferId.random(), Operation.WRITE, bed().target(), layout.sourceBlocks());
            calls.add(Await.start(() -> bed().initiator().engine().prepare(request, bed().far())));
        }
        Await.until("one is refused", () -> calls.stream().anyMatch(CompletableFuture::isDone));
        for (CompletableFuture<Transfer> call : calls) {
            if (call.isDone()) {
                assertFails(TransferErrorCode.RESOURCE_EXHAUSTED, () -> Await.get("the refusal", call));
            }
        }
        assertThat(calls.stream().filter(CompletableFuture::isDone)).hasSize(1);
        bed().ticker().advance(Duration.ofSeconds(10));
        calls.forEach(call -> assertFailsWithOneOf(
                Set.of(TransferErrorCode.NOT_FOUND, TransferErrorCode.RESOURCE_EXHAUSTED),
                () -> Await.get("the refusal", call)));
    }

    /** Leases are bounded. */
    @Test
    public final void required_R17_3_leasesAreBounded() {
        open(Map.of("kvferry.max-transfers", "4"));
        Layout layout = pages(Operation.WRITE);
        for (int i = 0; i < 4; i++) {
            bed().target().offer(TransferId.random(), Operation.WRITE, layout.destinationBlocks());
        }
        assertFails(
                TransferErrorCode.RESOURCE_EXHAUSTED,
                () -> bed().target().offer(TransferId.random(), Operation.WRITE, layout.destinationBlocks()));
        bed().ticker().advance(Node.LONG);
        bed().target()
                .offer(TransferId.random(), Operation.WRITE, layout.destinationBlocks())
                .revoke();
    }

    /** A lease cannot begin in the past. */
    @Test
    public final void required_R1_9_offerThatHasExpiredIsRefused() {
        Layout layout = pages(Operation.WRITE);
        assertFails(
                TransferErrorCode.INVALID_REQUEST,
                () -> bed().target()
                        .engine()
                        .offer(
                                Node.request(TransferId.random(), Operation.WRITE, layout.destinationBlocks()),
                                bed().in(Duration.ZERO)));
        assertThat(layout.destination().isInUse()).isFalse();
    }

    /** A descriptor in which one bit is wrong opens nothing, unless the bit means nothing: never other memory. */
    @Test
    public final void stochastic_R18_9_damagedDescriptorOpensNothing() {
        for (Operation operation : BOTH) {
            Layout memory = pages(operation);
            int harmless = 0;
            for (int round = 0; round < 24; round++) {
                Layout layout = memory.refilled(round);
                bed().initiator().faults().onNext("descriptor", Action.CORRUPT);
                if (endOf(operation, layout) == TransferState.COMPLETED) {
                    // such as the number of a later version, which may add to what this one reads
                    harmless++;
                    layout.assertMoved();
                } else {
                    layout.assertNotMoved();
                }
            }
            assertThat(harmless).as("flipped bits of 24 that went unnoticed").isLessThanOrEqualTo(4);
            bed().move(operation, memory.local(operation), memory.remote(operation));
        }
    }

    /** A proposal in which one bit is wrong is refused or harmless; the target goes on. */
    @Test
    public final void stochastic_R11_5_damagedProposalIsSurvived() {
        Layout memory = pages(Operation.WRITE);
        for (int round = 0; round < 24; round++) {
            Layout layout = memory.refilled(round);
            bed().target().faults().onNext("proposal", Action.CORRUPT);
            if (endOf(Operation.WRITE, layout) == TransferState.COMPLETED) {
                layout.assertMoved();
            }
        }
        bed().move(Operation.WRITE, memory.sourceBlocks(), memory.destinationBlocks());
    }

    /** Tries one transfer that may be refused at any step, and lets its deadline pass where nothing happens. */
    private TransferState endOf(Operation operation, Layout layout) {
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, operation, layout.remote(operation));
        TransferRequest request = bed().initiator()
                .request(id, operation, bed().target(), layout.local(operation))
                .deadline(bed().in(SECOND));
        CompletableFuture<TransferState> end = Await.start(() -> {
            try (Transfer transfer = bed().initiator().engine().prepare(request, bed().far())) {
                transfer.submit();
                return transfer.await(bed().far()).state();
            } catch (TransferException e) {
                assertThat(e.code()).as(e.getMessage()).isNotEqualTo(TransferErrorCode.INTERNAL);
                return TransferState.FAILED;
            }
        });
        Deadline patience = Deadline.after(Duration.ofMillis(200));
        Await.until("the transfer ends", () -> {
            if (!end.isDone() && patience.isExpired()) {
                bed().ticker().advance(Duration.ofMillis(100));
            }
            return end.isDone();
        });
        lease.revoke();
        Await.advancing(
                "the lease's memory is free",
                bed().ticker(),
                Duration.ofMillis(100),
                () -> lease.memory() == Quiescence.QUIESCENT);
        return Await.get("the end", end);
    }
}
