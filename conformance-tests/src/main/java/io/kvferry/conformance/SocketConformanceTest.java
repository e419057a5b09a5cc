package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.FaultPlan.Action;
import io.kvferry.engine.Lease;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Capability;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * What a network does to connections: it loses, cuts, changes and slows. For backends whose peers meet over sockets, and
 * that say how to put a {@link FaultProxy} there ({@link BackendHarness#sockets()}).
 *
 * @since 0.1.0
 */
@Tag("socket")
public abstract class SocketConformanceTest extends ConformanceSuite {
    private static final Duration SECOND = Duration.ofSeconds(1);
    /** How long the clock stands still while an event may come by itself; and its step after that. */
    private static final Duration STILL = Duration.ofMillis(20);

    private static final int ROUNDS = 3;
    private static final int ATTEMPTS = 30;
    /** About what crosses in each direction while sixteen pages move. */
    private static final int DATA_BYTES = 70_000;

    private static final int CONTROL_BYTES = 400;

    private final FaultPlan plan = FaultPlan.seeded();
    /** The network's own: what trickles is under the test's control, and no deadline passes meanwhile. */
    private final FakeTicker networkTime = new FakeTicker();

    private @Nullable FaultProxy proxy;

    /**
     * Makes the suite.
     *
     * @param harness what is tested
     */
    protected SocketConformanceTest(BackendHarness harness) {
        super(harness);
    }

    /** The target is dialed through a proxy. */
    private void openProxied() {
        open(Map.of(), new Watch(), new Watch().showing(this::throughProxy));
        bed().own(() -> {
            FaultProxy used = proxy;
            if (used != null) {
                used.close();
            }
        });
    }

    private synchronized BackendEndpoint throughProxy(BackendEndpoint own) {
        BackendHarness.Sockets sockets = harness()
                .sockets()
                .orElseThrow(() -> new AssertionError(
                        "this suite needs BackendHarness.sockets(): where an endpoint's owner listens"));
        FaultProxy known = proxy;
        if (known == null) {
            known = FaultProxy.to(sockets.listener(own), plan, networkTime);
            proxy = known;
        }
        return sockets.dialedAt(own, known.address());
    }

    /** A connection that is accepted and never answered ends what waits for it at its deadline. */
    @Test
    public final void required_R1_13_connectionThatIsNeverAnsweredEndsAtTheDeadline() {
        openProxied();
        plan.always("socket.connect", Action.DROP);
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            Deadline deadline = bed().in(SECOND);
            CompletableFuture<TransferErrorCode> end = Await.start(() -> attempt(id, operation, layout, deadline));
            // the second may wait for the connection of the first
            Await.until("it is dialed", () -> plan.occurrences("socket.connect") > 0);
            assertThat(end).as("while its time has not passed").isNotDone();
            bed().ticker().advance(SECOND);
            assertThat(Await.get("the end of the attempt", end))
                    .isIn(
                            TransferErrorCode.DEADLINE_EXCEEDED,
                            TransferErrorCode.CONNECTION_FAILED,
                            TransferErrorCode.PEER_LOST);
            lease.revoke();
            awaitQuiescent(null, lease);
        }
        plan.clear();
        moveOnceHealed();
    }

    private TransferErrorCode attempt(TransferId id, Operation operation, Layout layout, Deadline deadline) {
        try (Transfer transfer = bed().initiator()
                .engine()
                .prepare(
                        bed().initiator()
                                .request(id, operation, bed().target(), layout.local(operation))
                                .deadline(deadline),
                        deadline)) {
            transfer.submit();
            transfer.await(bed().far()).orThrow();
            return TransferErrorCode.OK;
        } catch (TransferException e) {
            return e.code();
        }
    }

    /** Wherever a connection is cut, stopped or swallowed, what completes is right, and what is given back stays as it is. */
    @Test
    public final void stochastic_R4_11_connectionCutAnywhereCompletesNothingWrong() {
        openProxied();
        Random random = random();
        for (int round = 0; round < ROUNDS; round++) {
            Gate gate = new Gate();
            List<Action> cuts = List.of(Action.DROP, Action.HALF, Action.HALF_CLOSE, Action.DIE, Action.freeze(gate));
            for (Action cut : cuts) {
                disturb(BOTH.get(random.nextInt(2)), random, cut, gate);
            }
        }
    }

    /** Wherever a byte changes under way, what completes is right; without a checksum the peers at least go on. */
    @Test
    public final void stochastic_R11_6_byteChangedAnywhereCompletesNothingWrong() {
        openProxied();
        Random random = random();
        for (int round = 0; round < 4 * ROUNDS; round++) {
            disturb(BOTH.get(random.nextInt(2)), random, Action.CORRUPT, new Gate());
        }
    }

    /** Moves something while one thing goes wrong at a random byte of one direction. */
    private void disturb(Operation operation, Random random, Action action, Gate gate) {
        moveOnceHealed();
        boolean forth = random.nextBoolean();
        boolean carriesData = forth == (operation == Operation.WRITE);
        int at = 1 + random.nextInt(carriesData ? DATA_BYTES : CONTROL_BYTES);
        String what = operation + ", " + action + " at byte " + at + (forth ? " forth" : " back");
        Layout layout = pages(operation);
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, operation, layout.remote(operation));
        Transfer transfer = bed().initiator()
                .prepare(bed().initiator()
                        .request(id, operation, bed().target(), layout.local(operation))
                        .deadline(bed().in(SECOND)));
        plan.on(forth ? "socket.forth" : "socket.back", at, action);
        transfer.submit();
        untilMoving(what + ": the end of " + transfer, () -> transfer.result().isPresent());
        boolean checked =
                !(action instanceof FaultPlan.Corrupt) || bed().initiator().can(Capability.CHECKSUM);
        if (bed().result(transfer) instanceof TransferResult.Completed && checked) {
            layout.assertMoved();
        }
        transfer.finish();
        lease.revoke();
        awaitQuiescent(transfer, lease);
        layout.poison();
        plan.clear();
        gate.open();
        moveOnceHealed();
        layout.assertPoisoned();
    }

    /** A connection on which bytes trickle delays what is on it, and nobody else; what it carries arrives. */
    @Test
    public final void required_R14_7_slowConnectionDelaysNoOtherPeer() {
        openProxied();
        Node other = bed().open("other", new Watch(), Map.of());
        Memory memory = other.memory(64 * 1024);
        BlockList remote = BlockList.uniform(memory.region(), 0, 0, 4096, 16);
        moveOnceHealed();
        // behind the acknowledgements of that, on whichever connections they may still be
        for (int i = 0; i < 4; i++) {
            Layout flushing = pages(Operation.WRITE);
            bed().move(Operation.WRITE, flushing.sourceBlocks(), flushing.destinationBlocks());
        }
        Layout slow = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, Operation.WRITE, slow.destinationBlocks());
        Transfer transfer = bed().initiator().prepare(id, Operation.WRITE, bed().target(), slow.sourceBlocks());
        plan.on("socket.forth", 1, Action.throttle(100_000));
        transfer.submit();
        Await.until("bytes trickle", () -> plan.occurrences("socket.forth") > 0);
        for (int i = 0; i < 10; i++) {
            bed().move(bed().initiator(), other, Operation.WRITE, slow.sourceBlocks(), remote);
        }
        assertThat(transfer.result()).as("the slow one").isEmpty();
        Await.advancing(
                "the slow one ends",
                networkTime,
                Duration.ofMillis(10),
                () -> transfer.result().isPresent());
        bed().result(transfer).orThrow();
        slow.assertMoved();
        transfer.finish();
        bed().result(lease).orThrow();
        plan.clear();
    }

    private void awaitQuiescent(@Nullable Transfer transfer, Lease lease) {
        untilMoving(
                "both sides are quiescent",
                () -> lease.memory() == Quiescence.QUIESCENT
                        && (transfer == null || transfer.memory() == Quiescence.QUIESCENT));
    }

    /** Moves something both ways; what was broken may cost some attempts, and time. */
    private void moveOnceHealed() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferErrorCode end = TransferErrorCode.INTERNAL;
            for (int attempts = 0; attempts < ATTEMPTS && end != TransferErrorCode.OK; attempts++) {
                TransferId id = TransferId.random();
                Lease lease = bed().target().offer(id, operation, layout.remote(operation));
                CompletableFuture<TransferErrorCode> outcome =
                        Await.start(() -> attempt(id, operation, layout, bed().in(SECOND)));
                // each has twice as much of real time as the one before, for a machine that is busy
                untilMoving("the end of an attempt", STILL.multipliedBy(1L << Math.min(attempts, 7)), outcome::isDone);
                end = Await.get("the end of an attempt", outcome);
                lease.revoke();
                awaitQuiescent(null, lease);
            }
            assertThat(end).as(operation + " once nothing is wrong any more").isEqualTo(TransferErrorCode.OK);
            layout.assertMoved();
        }
    }

    /** The clock moves only when the event does not come by itself at once. */
    private void untilMoving(String what, BooleanSupplier condition) {
        untilMoving(what, STILL, condition);
    }

    private void untilMoving(String what, Duration asLong, BooleanSupplier condition) {
        Deadline still = Deadline.after(asLong);
        Await.until(what, () -> {
            if (!condition.getAsBoolean() && still.isExpired()) {
                bed().ticker().advance(STILL);
            }
            return condition.getAsBoolean();
        });
    }
}
