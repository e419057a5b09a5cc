package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.engine.Lease;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferReport;
import io.kvferry.engine.TransferRequest;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Side;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * One lease and the attempts on it, beside what the contract says about them: what was asked for so far, and which outcomes
 * that allows. Confined to the test's thread.
 */
final class ModelTransfer {
    private static final int MAX_BLOCKS = 12;
    private static final int MEMORY_BYTES = 16 * 1024;
    private static final Duration GUARD = Duration.ofMillis(50);

    private final ModelRun run;
    private final String name;
    private final Node from;
    private final Node to;
    private final Operation operation;
    private final Layout layout;
    private final TransferId id;
    private final boolean confirm;
    private final Deadline leaseEnd;
    private final Lease lease;

    private final List<Transfer> all = new ArrayList<>();
    private @Nullable Transfer transfer;
    private @Nullable TransferState outcome;
    private @Nullable TransferState leaseOutcome;
    private int attempt;
    private Deadline own;
    private final BitSet submitted = new BitSet();
    /** Its initiator asked for the end before everything was submitted. */
    private boolean asked;
    /** Its initiator asked for the end when everything was submitted: completion may have been first. */
    private boolean askedLate;

    private boolean revoked;

    private ModelTransfer(
            ModelRun run, int slot, Node from, Node to, Operation operation, Layout layout, Random dice) {
        this.run = run;
        this.name = slot + " " + operation;
        this.from = from;
        this.to = to;
        this.operation = operation;
        this.layout = layout;
        this.id = TransferId.random();
        this.confirm = dice.nextInt(3) == 0;
        this.leaseEnd = run.in(dice.nextInt(3) == 0 ? Duration.ofSeconds(1) : Node.LONG);
        this.own = leaseEnd;
        this.lease = to.engine().offer(Node.request(id, operation, layout.remote(operation)), leaseEnd);
    }

    /** Offers something; null where the backend was made to refuse its memory. */
    static @Nullable ModelTransfer offer(ModelRun run, int slot, Node from, Node to, Random dice) {
        Operation operation = ConformanceSuite.BOTH.get(dice.nextInt(2));
        int blocks = 1 + dice.nextInt(MAX_BLOCKS);
        try {
            Memory here = from.memory(MEMORY_BYTES);
            Memory there = to.memory(MEMORY_BYTES);
            Layout layout = Layout.random(
                    ConformanceSuite.side(operation, here, there, true),
                    ConformanceSuite.side(operation, here, there, false),
                    blocks,
                    dice);
            ModelTransfer made = new ModelTransfer(run, slot, from, to, operation, layout, dice);
            made.note("offer of " + blocks + " blocks to " + from.engine().identity().nodeId());
            return made;
        } catch (TransferException e) {
            run.note(slot + " offer refused: " + e.getMessage());
            assertThat(run.isExact()).as("an offer was refused: " + e.getMessage()).isFalse();
            return null;
        }
    }

    /** Moves something, which must work now; what was lost with a peer before may cost one attempt. */
    static void moveOne(ModelRun run, Node from, Node to, Random dice) {
        Memory here = from.memory(MEMORY_BYTES);
        Memory there = to.memory(MEMORY_BYTES);
        Layout layout = Layout.random(here, there, 3, dice);
        try {
            run.bed().move(from, to, Operation.WRITE, layout.sourceBlocks(), layout.destinationBlocks());
        } catch (TransferException e) {
            if (run.isExact() || !e.error().isRetryable()) {
                throw e;
            }
            run.bed().move(from, to, Operation.WRITE, layout.sourceBlocks(), layout.destinationBlocks());
        }
        layout.assertMoved();
        for (Memory memory : List.of(here, there)) {
            run.getMoving("close of memory", Await.start(() -> closed(run, memory)));
        }
    }

    private static boolean closed(ModelRun run, Memory memory) {
        memory.close(run.in(Node.LONG));
        return true;
    }

    /** Asks for one more thing. */
    void next(Random dice) {
        switch (dice.nextInt(12)) {
            case 0, 1, 2, 3, 4, 5 -> progress(dice);
            case 6 -> askIllegally(dice);
            case 7 -> askTwice();
            case 8 -> settle();
            case 9 -> askForTheEnd(dice.nextBoolean());
            case 10 -> revoke();
            default -> readStatus();
        }
    }

    private void progress(Random dice) {
        Transfer known = transfer;
        if (known == null || (outcome != null && outcome != TransferState.COMPLETED)) {
            prepare(dice);
        } else if (outcome == null && !isAllSubmitted()) {
            submit(known, dice);
        } else if (outcome == TransferState.COMPLETED) {
            note("finish");
            known.finish();
        }
    }

    private void prepare(Random dice) {
        boolean mustWork = run.isExact() && attempt == 0 && isLeaseAlive();
        attempt++;
        own = run.in(Duration.ofMillis(dice.nextInt(4) == 0 ? 300 : 20_000));
        TransferRequest plain = from.request(id, operation, to, layout.local(operation))
                .attempt(attempt)
                .deadline(own);
        TransferRequest request = confirm ? plain.confirm() : plain;
        submitted.clear();
        transfer = null;
        outcome = null;
        note("prepare of attempt " + attempt + (confirm ? ", to be confirmed" : ""));
        try {
            Deadline limit = run.in(mustWork ? Node.LONG : Duration.ofSeconds(1));
            var call = Await.start(() -> from.engine().prepare(request, limit));
            Transfer prepared = mustWork ? Await.get("prepare", call) : run.getMoving("prepare", call);
            transfer = prepared;
            all.add(prepared);
        } catch (TransferException e) {
            note("prepare failed: " + e.getMessage());
            assertThat(e.code()).as(e.getMessage()).isNotEqualTo(TransferErrorCode.INTERNAL);
            assertThat(mustWork).as("nothing was wrong, but prepare failed: " + e.getMessage()).isFalse();
        }
    }

    private void submit(Transfer known, Random dice) {
        int first = submitted.nextClearBit(dice.nextInt(blocks()));
        first = first < blocks() ? first : submitted.nextClearBit(0);
        int set = submitted.nextSetBit(first);
        int room = (set < 0 ? blocks() : set) - first;
        submit(known, new BlockRange(first, 1 + dice.nextInt(room)));
    }

    private void submit(Transfer known, BlockRange range) {
        boolean mustWork = mustRun();
        note("submit of " + range);
        submitted.set(range.first(), range.end());
        try {
            known.submit(range);
        } catch (TransferException e) {
            note("submit failed: " + e.getMessage());
            assertThat(e.code()).as(e.getMessage()).isNotEqualTo(TransferErrorCode.INTERNAL);
            assertThat(mustWork).as("nothing was wrong, but submit failed: " + e.getMessage()).isFalse();
            if (e.code() == TransferErrorCode.INVALID_REQUEST) {
                submitted.clear(range.first(), range.end());
            }
        }
    }

    private void askIllegally(Random dice) {
        Transfer known = transfer;
        if (known == null) {
            return;
        }
        int taken = submitted.nextSetBit(0);
        boolean outside = taken < 0 || dice.nextBoolean();
        BlockRange range = outside ? new BlockRange(blocks() - 1, 2) : new BlockRange(taken, 1);
        note("illegal submit of " + range);
        ConformanceSuite.assertFails(TransferErrorCode.INVALID_REQUEST, () -> known.submit(range));
    }

    private void askTwice() {
        if (!run.isExact() || !isLeaseAlive() || leaseOutcome != null) {
            return;
        }
        note("a second offer, a second prepare");
        ConformanceSuite.assertFails(
                TransferErrorCode.ALREADY_EXISTS,
                () -> to.engine().offer(Node.request(id, operation, layout.remote(operation)), leaseEnd));
        if (mustRun() && outcome == null) {
            TransferRequest again =
                    from.request(id, operation, to, layout.local(operation)).attempt(attempt);
            ConformanceSuite.assertFails(TransferErrorCode.ALREADY_EXISTS, () -> from.prepare(again));
        }
    }

    private void askForTheEnd(boolean finish) {
        Transfer known = transfer;
        if (known == null) {
            return;
        }
        note(finish ? "finish" : "cancel");
        if (outcome == null) {
            asked |= !isAllSubmitted();
            askedLate |= isAllSubmitted();
        }
        if (finish) {
            known.finish();
        } else {
            known.cancel();
        }
    }

    private void revoke() {
        note("revoke");
        revoked = true;
        lease.revoke();
    }

    private void readStatus() {
        Transfer known = transfer;
        if (known != null) {
            assertThat(known.status().blocksDone()).isLessThanOrEqualTo(submitted.cardinality());
        }
        assertThat(lease.status().blocksTotal()).isEqualTo(blocks());
    }

    private int blocks() {
        return layout.sourceBlocks().size();
    }

    private boolean isAllSubmitted() {
        return submitted.cardinality() == blocks();
    }

    /** The lease has been given no reason to end, unless its transfer completed. */
    private boolean isLeaseAlive() {
        return !revoked && !asked && !askedLate && outcome != TransferState.COMPLETED && !isPassed(leaseEnd, GUARD);
    }

    private boolean mustRun() {
        return run.isExact() && transfer != null && isLeaseAlive() && !isPassed(own, Duration.ZERO);
    }

    private static boolean isPassed(Deadline deadline, Duration guard) {
        return deadline.remainingNanos() <= guard.toNanos();
    }

    /** Waits for what needs nobody's doing and no time. */
    void settle() {
        Transfer known = transfer;
        if (known == null || !run.isExact()) {
            return;
        }
        if (mustRun()) {
            Await.until(
                    () -> this + ": what was submitted is applied: " + known.status(),
                    () -> known.status().blocksDone() >= submitted.cardinality());
        }
        boolean ends = !mustRun() ? !revoked : isAllSubmitted();
        if (ends) {
            Await.until(() -> this + " ends: " + known.status(), () -> known.result().isPresent());
        }
        observe();
    }

    /** Looks at both outcomes: each is one that the contract allows, and the one it was before. */
    void observe() {
        Transfer known = transfer;
        if (known != null && known.result().isPresent()) {
            TransferState now = known.result().orElseThrow().state();
            if (outcome == null) {
                outcome = now;
                note("transfer ended " + known.result().orElseThrow());
                checkOutcome(now);
            }
            assertThat(now).as(this + ": an outcome never changes").isEqualTo(outcome);
        }
        if (lease.result().isPresent()) {
            TransferState now = lease.result().orElseThrow().state();
            if (leaseOutcome == null) {
                leaseOutcome = now;
                note("lease ended " + lease.result().orElseThrow());
                checkLeaseOutcome(now);
            }
            assertThat(now).as(this + ": an outcome never changes").isEqualTo(leaseOutcome);
        }
    }

    private void checkOutcome(TransferState now) {
        if (now == TransferState.COMPLETED) {
            assertThat(isAllSubmitted()).as(this + " COMPLETED with all submitted").isTrue();
            layout.assertMoved();
        }
        if (run.isExact()) {
            boolean passed = isPassed(own, Duration.ZERO) || isPassed(leaseEnd, GUARD);
            boolean allowed = switch (now) {
                case COMPLETED -> !asked;
                case CANCELLED -> asked || askedLate || revoked;
                case TIMED_OUT -> passed;
                default -> revoked || isPassed(leaseEnd, Duration.ZERO);
            };
            assertThat(allowed).as(this + " may end " + transfer).isTrue();
        }
    }

    private void checkLeaseOutcome(TransferState now) {
        switch (now) {
            case COMPLETED -> {
                layout.assertMoved();
                assertThat(confirm || outcome == TransferState.COMPLETED)
                        .as(this + ": the target completes what its initiator completed, which is " + outcome)
                        .isTrue();
            }
            case TIMED_OUT ->
                assertThat(isPassed(leaseEnd, Duration.ZERO)).as(this + ": the lease's deadline has passed").isTrue();
            default -> {
                if (run.isExact()) {
                    assertThat(asked || askedLate || revoked).as(this + ": the lease may end " + now).isTrue();
                }
            }
        }
    }

    boolean isOver() {
        Transfer known = transfer;
        return lease.result().isPresent() && (known == null || known.result().isPresent());
    }

    /** Lets it complete where it can, and ends it. */
    void wrapUp() {
        Transfer known = transfer;
        if (known != null && outcome == null && mustRun()) {
            for (int first = submitted.nextClearBit(0); first < blocks(); first = submitted.nextClearBit(first)) {
                int set = submitted.nextSetBit(first);
                submit(known, new BlockRange(first, (set < 0 ? blocks() : set) - first));
            }
            settle();
        }
        all.forEach(Transfer::finish);
        if (outcome == TransferState.COMPLETED && run.isExact() && !revoked && !isPassed(leaseEnd, GUARD)) {
            Await.until(() -> this + ": the lease ends: " + lease.status(), () -> lease.result().isPresent());
        }
        lease.revoke();
        revoked = true;
        run.untilMoving(() -> this + " ends", this::isOver);
        observe();
    }

    void awaitQuiescent() {
        run.untilMoving(
                () -> this + " is quiescent: " + lease.memory() + ", " + all,
                () -> lease.memory() == Quiescence.QUIESCENT
                        && all.stream().allMatch(attempt -> attempt.memory() == Quiescence.QUIESCENT));
    }

    void poison() {
        layout.poison();
    }

    /** Nothing was written since it was quiescent; each side has told its end once. */
    void close() {
        layout.assertPoisoned();
        for (Memory memory : List.of(layout.source(), layout.destination())) {
            run.getMoving("close of memory", Await.start(() -> closed(run, memory)));
        }
        for (Transfer each : all) {
            awaitOneReport(from, Side.INITIATOR, each.attempt());
        }
        awaitOneReport(to, Side.TARGET, 0);
    }

    private void awaitOneReport(Node node, Side side, int number) {
        Await.until(
                () -> this + " is reported once at " + side + ": " + node.reports(id),
                () -> node.reports(id).stream()
                                .filter(report -> report.side() == side && isOf(report, number))
                                .count()
                        == 1);
    }

    private static boolean isOf(TransferReport report, int number) {
        return number == 0 || report.attempt() == number;
    }

    /** One of its engines was killed, and its successor started. The other side ends what it had with it. */
    void restarted(Node old) {
        note("was with the node that was killed");
        if (to == old) {
            assertThat(lease.result()).as(this + " at a closed target").isPresent();
            all.forEach(Transfer::finish);
        } else {
            all.forEach(each -> assertThat(each.result()).as(this + " at a closed initiator").isPresent());
            lease.revoke();
        }
        awaitQuiescent();
        Memory survivor = (from == old) == (operation == Operation.WRITE) ? layout.destination() : layout.source();
        run.getMoving("close of memory", Await.start(() -> closed(run, survivor)));
    }

    private void note(String what) {
        run.note(name + ": " + what);
    }

    @Override
    public String toString() {
        return "transfer " + name;
    }
}
