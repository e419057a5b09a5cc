package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.FaultPlan.Action;
import io.kvferry.engine.Lease;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferRequest;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.BlockKeys;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Envelope;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Side;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.WireId;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Messages between the engines are lost, late, doubled and forged; the transfer's outcome stays right.
 *
 * @since 0.1.0
 */
@Tag("control")
public abstract class ControlConformanceTest extends ConformanceSuite {
    private static final Duration SECOND = Duration.ofSeconds(1);
    private static final PeerIdentity STRANGER = new PeerIdentity("stranger", 99);

    /**
     * Makes the suite.
     *
     * @param harness what is tested
     */
    protected ControlConformanceTest(BackendHarness harness) {
        super(harness);
    }

    /** A lost PREPARED is followed by FINISH: the target forgets the attempt, and the next one works. */
    @Test
    public final void required_R5_2_lostPreparedIsFollowedByFinish() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            Gate gate = new Gate();
            bed().wire().onNext("prepare.reply", Action.freeze(gate));
            int finished = bed().target().watch().calls("target.finish");
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            TransferRequest request = bed().initiator().request(id, operation, bed().target(), layout.local(operation));
            timeOutPrepare(request, gate);
            Await.until("the target finishes", () -> bed().target().watch().calls("target.finish") > finished);
            assertThat(lease.result())
                    .as("the lease waits for the next attempt")
                    .isEmpty();
            complete(prepareOnceQuiescent(request.attempt(2)), lease, layout);
            // the lost reply comes after all, long after it mattered
            gate.open();
            moveSomethingElse();
        }
    }

    /** A PREPARE that comes after the FINISH of its attempt is refused and opens nothing. */
    @Test
    public final void required_R5_3_latePrepareFindsATombstone() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Gate gate = new Gate();
        bed().wire().onNext("prepare.request", Action.freeze(gate));
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        TransferRequest request = bed().initiator().request(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        timeOutPrepare(request, gate);
        Await.until("FINISH is answered", () -> bed().wire().occurrences("finish.reply") > 0);
        int answered = bed().wire().occurrences("prepare.reply");
        gate.open();
        Await.until("the late PREPARE is answered", () -> bed().wire().occurrences("prepare.reply") > answered);
        assertThat(bed().target().watch().calls("accept")).isZero();
        complete(bed().initiator().prepare(request.attempt(2)), lease, layout);
    }

    private void timeOutPrepare(TransferRequest request, Gate gate) {
        CompletableFuture<Transfer> call =
                Await.start(() -> bed().initiator().engine().prepare(request, bed().in(SECOND)));
        gate.awaitArrival();
        bed().ticker().advance(SECOND);
        assertFails(TransferErrorCode.DEADLINE_EXCEEDED, () -> Await.get("prepare at its deadline", call));
    }

    /** An attempt whose number is not newer than a finished one is CANCELLED. */
    @Test
    public final void required_R5_4_oldAttemptIsCancelled() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        TransferRequest request = bed().initiator().request(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        bed().initiator().faults().onNext("io", Action.refuse(TransferErrorCode.TRANSFER_FAILED));
        bed().wire().always("none", Action.PASS);
        try (Transfer failed = bed().initiator().prepare(request.attempt(5))) {
            failed.submit();
            assertThat(bed().result(failed)).isInstanceOf(TransferResult.Failed.class);
        }
        Await.until("FINISH is answered", () -> bed().wire().occurrences("finish.reply") > 0);
        Await.until(
                "the initiator has it in hand no more",
                () -> bed().initiator().engine().status().transfers().stream()
                        .noneMatch(entry -> entry.id().equals(id) && entry.side() == Side.INITIATOR));
        for (int attempt : new int[] {5, 4, 1}) {
            assertFails(TransferErrorCode.CANCELLED, () -> bed().initiator().prepare(request.attempt(attempt)));
        }
        complete(prepareOnceQuiescent(request.attempt(6)), lease, layout);
    }

    /** A PREPARE that arrives twice opens the lease once. */
    @Test
    public final void required_R12_1_duplicatedPrepareOpensTheLeaseOnce() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        bed().wire().onNext("prepare.request", Action.DUPLICATE);
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        Transfer transfer = bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        Await.until("both copies are answered", () -> bed().wire().occurrences("prepare.reply") == 2);
        assertThat(bed().target().watch().calls("accept")).isEqualTo(1);
        complete(transfer, lease, layout);
    }

    /** FINISH is repeated until it is answered, whether it or its answer was lost. */
    @Test
    public final void required_R5_5_finishIsRepeatedUntilAnswered() {
        for (String lost : List.of("finish.request", "finish.reply")) {
            Layout layout = pages(Operation.READ);
            TransferId id = TransferId.random();
            bed().wire().on(lost, 1, Action.DROP).on(lost, 2, Action.DROP);
            Lease lease = bed().target().offer(id, Operation.READ, layout.remote(Operation.READ));
            Transfer transfer = bed().initiator()
                    .prepare(bed().initiator()
                            .request(id, Operation.READ, bed().target(), layout.local(Operation.READ))
                            .confirm());
            transfer.submit();
            int passed = bed().wire().occurrences(lost);
            Await.advancing(
                    "the third FINISH is answered",
                    bed().ticker(),
                    Duration.ofMillis(100),
                    () -> transfer.result().isPresent());
            assertThat(bed().wire().occurrences(lost)).isGreaterThanOrEqualTo(passed + 2);
            bed().result(transfer).orThrow();
            bed().result(lease).orThrow();
            transfer.finish();
            layout.assertMoved();
            Await.until(
                    "the target has reported", () -> !bed().target().reports(id).isEmpty());
            assertThat(bed().target().reports(id)).hasSize(1);
        }
    }

    /** A FINISH that arrives twice is answered the same way and decides once. */
    @Test
    public final void required_R5_6_duplicatedFinishDecidesOnce() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        bed().wire().onNext("finish.request", Action.DUPLICATE);
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        Transfer transfer = bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        complete(transfer, lease, layout);
        Await.until("both copies are answered", () -> bed().wire().occurrences("finish.reply") == 2);
        Await.until("it is reported", () -> !bed().target().reports(id).isEmpty());
        assertThat(bed().target().reports(id)).hasSize(1);
    }

    /** When no FINISH ever arrives, the lease ends at its deadline, the initiator gives up, and both close. */
    @Test
    public final void required_R5_7_finishThatNeverArrivesEndsWithTheLease() {
        Layout layout = pages(Operation.READ);
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, Operation.READ, layout.remote(Operation.READ));
        Transfer transfer = bed().initiator().prepare(id, Operation.READ, bed().target(), layout.local(Operation.READ));
        bed().wire().always("finish.request", Action.DROP);
        transfer.submit();
        bed().result(transfer).orThrow();
        transfer.finish();
        layout.assertMoved();
        Await.advancing(
                "the lease ends",
                bed().ticker(),
                Duration.ofSeconds(5),
                () -> lease.result().isPresent());
        assertThat(bed().result(lease))
                .isInstanceOfSatisfying(
                        TransferResult.TimedOut.class,
                        timedOut -> assertThat(timedOut.error().code()).isEqualTo(TransferErrorCode.LEASE_ENDED));
        Await.advancing(
                "nothing is in hand",
                bed().ticker(),
                Duration.ofSeconds(5),
                () -> bed().nodes().stream()
                        .allMatch(node -> node.engine().status().transfers().isEmpty()));
    }

    /** A peer that cannot be met is CONTROL_FAILED or what it answered; the next call meets it anew. */
    @Test
    public final void required_R13_1_failedHelloIsForgotten() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        TransferRequest request = bed().initiator().request(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        bed().wire().onNext("hello.request", Action.refuse(TransferErrorCode.CONTROL_FAILED));
        assertFails(TransferErrorCode.CONTROL_FAILED, () -> bed().initiator().prepare(request));
        bed().wire().onNext("hello.reply", Action.CORRUPT);
        assertFails(TransferErrorCode.PROTOCOL_ERROR, () -> bed().initiator().prepare(request.attempt(2)));
        complete(bed().initiator().prepare(request.attempt(3)), lease, layout);
    }

    /** A reply that cannot be decoded is the caller's PROTOCOL_ERROR, and the target is told to forget. */
    @Test
    public final void required_R11_2_damagedPreparedIsFollowedByFinish() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        bed().wire().onNext("prepare.reply", Action.CORRUPT);
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        TransferRequest request = bed().initiator().request(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        assertFails(TransferErrorCode.PROTOCOL_ERROR, () -> bed().initiator().prepare(request));
        Await.until("the target finishes", () -> bed().target().watch().calls("target.finish") > 0);
        complete(prepareOnceQuiescent(request.attempt(2)), lease, layout);
    }

    /** What a stranger claims about somebody else's attempt has no effect on it. */
    @Test
    public final void required_R18_3_strangersFinishAndCancelHaveNoEffect() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        Transfer transfer = bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        PeerControl stranger = bed().stranger(STRANGER);
        ask(stranger, new PeerRequest.Cancel(id, 1, STRANGER));
        ask(stranger, new PeerRequest.Finish(id, 1, STRANGER, 0, TransferState.CANCELLED, 0, 0));
        ask(stranger, new PeerRequest.Finish(id, 1, STRANGER, 1, TransferState.COMPLETED, 65_536, 16));
        ask(stranger, new PeerRequest.Part(id, 1, STRANGER, 1, new BlockRange(0, 16)));
        assertThat(lease.result()).isEmpty();
        assertThat(lease.status().blocksDone()).isZero();
        complete(transfer, lease, layout);
    }

    /** A lease for one node cannot be spoilt by another that knows its id. */
    @Test
    public final void required_R18_4_strangerCannotBuryAttemptsOfALeaseThatIsNotForIt() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Lease lease = bed().target()
                .offer(Node.request(id, Operation.WRITE, layout.destinationBlocks())
                        .onlyFor("initiator"));
        PeerControl stranger = bed().stranger(STRANGER);
        ask(stranger, new PeerRequest.Finish(id, 7, STRANGER, 0, TransferState.CANCELLED, 0, 0));
        ask(stranger, new PeerRequest.Cancel(id, 8, STRANGER));
        complete(bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks()), lease, layout);
    }

    /** A PREPARE that makes no sense is refused with the code that says why, and the lease is as before. */
    @Test
    public final void required_R11_3_senselessPreparesAreRefused() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        PeerControl stranger = bed().stranger(STRANGER);
        PeerIdentity target = bed().target().engine().identity();
        WireId wire = bed().target().info().wireId();
        BlockKeys keys = layout.destinationBlocks().blockKeys();
        Envelope garbage = new Envelope(new byte[] {1, 2, 3});
        PeerIdentity before = new PeerIdentity(target.nodeId(), target.bootId() + 1);
        refused(stranger, TransferErrorCode.PEER_RESTARTED, prepare(id, 1, before, wire, keys, garbage));
        WireId unknown = new WireId("none", 1);
        refused(stranger, TransferErrorCode.INCOMPATIBLE_PEER, prepare(id, 2, target, unknown, keys, garbage));
        refused(stranger, TransferErrorCode.PROTOCOL_ERROR, prepare(id, 3, target, wire, keys, garbage));
        byte[] noise = new byte[200];
        random().nextBytes(noise);
        refused(stranger, TransferErrorCode.PROTOCOL_ERROR, prepare(id, 4, target, wire, keys, new Envelope(noise)));
        assertThat(bed().target().watch().calls("accept")).isZero();
        complete(
                prepareOnceQuiescent(bed().initiator()
                        .request(id, Operation.WRITE, bed().target(), layout.sourceBlocks())
                        .attempt(10)),
                lease,
                layout);
    }

    private static PeerRequest.Prepare prepare(
            TransferId id, int attempt, PeerIdentity target, WireId wire, BlockKeys keys, Envelope proposal) {
        return new PeerRequest.Prepare(
                id, attempt, Operation.WRITE, STRANGER, target, wire, keys, proposal, SECOND.toNanos());
    }

    private void refused(PeerControl stranger, TransferErrorCode code, PeerRequest<?> request) {
        TransferException refusal = assertFails(code, () -> ask(stranger, request));
        assertThat(refusal.error().side()).isEqualTo(Side.TARGET);
    }

    private <R extends PeerReply> R ask(PeerControl stranger, PeerRequest<R> request) {
        return Await.get("the target's answer", stranger.call(bed().target().address(), request, bed().far()));
    }

    /** On a control plane that loses, doubles, delays and reorders, every call ends and nothing wrong completes. */
    @Test
    public final void stochastic_R5_8_hostileControlPlaneCompletesNothingWrong() {
        Random random = random();
        // time flies below; what a backend needs to connect is not what this is about
        moveSomethingElse();
        for (String message : List.of("hello", "prepare", "cancel", "finish", "part")) {
            for (String point : List.of(message + ".request", message + ".reply")) {
                bed().wire()
                        .sometimes(point, 0.04, Action.DROP)
                        .sometimes(point, 0.04, Action.DUPLICATE)
                        .sometimes(point, 0.04, Action.delay(Duration.ofMillis(700)))
                        .sometimes(point, 0.04, Action.REORDER);
            }
        }
        Layout memory = pages(Operation.WRITE);
        for (int round = 0; round < 60; round++) {
            Layout layout = memory.refilled(round);
            TransferId id = TransferId.random();
            Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
            boolean confirm = random.nextBoolean();
            TransferRequest request =
                    bed().initiator().request(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
            int lostBefore = lost();
            CompletableFuture<Boolean> outcome = Await.start(() -> attempt(confirm ? request.confirm() : request));
            // what is lost must time out; as long as nothing is, time stands still
            Await.until(() -> "a round ends: " + bed().wire(), () -> {
                if (!outcome.isDone() && lost() > lostBefore) {
                    bed().ticker().advance(Duration.ofMillis(4));
                }
                return outcome.isDone();
            });
            if (Await.get("the outcome", outcome)) {
                layout.assertMoved();
            } else {
                assertThat(lost())
                        .as("round %d did not complete, so something was lost: %s", round, bed().wire())
                        .isGreaterThan(lostBefore);
                // its answers, such as one to HELLO, are waited for no longer when the next round begins
                bed().ticker().advance(Duration.ofSeconds(10));
            }
            lease.revoke();
            Await.advancing(
                    "the lease ends",
                    bed().ticker(),
                    Duration.ofMillis(50),
                    () -> lease.memory() == Quiescence.QUIESCENT);
        }
        bed().wire().clear();
        // what was lost before may still be waited for, such as an answer to HELLO
        bed().ticker().advance(Duration.ofSeconds(10));
        moveSomethingElse();
    }

    /** Messages that did not arrive when they were sent. */
    private int lost() {
        return bed().wire().taken(FaultPlan.Drop.class)
                + bed().wire().taken(FaultPlan.Delay.class)
                + bed().wire().taken(FaultPlan.Reorder.class);
    }

    private boolean attempt(TransferRequest request) {
        Deadline deadline = bed().in(SECOND);
        try (Transfer transfer = bed().initiator().engine().prepare(request.deadline(deadline), deadline)) {
            transfer.submit();
            return transfer.await(bed().far()) instanceof TransferResult.Completed;
        } catch (TransferException e) {
            return false;
        }
    }
}
