package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.engine.Lease;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferRequest;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import java.time.Duration;
import java.util.ArrayList;
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
    private final ModelRecord record;

    private final List<Transfer> all = new ArrayList<>();
    private @Nullable Transfer transfer;
    private int attempt;

    private ModelTransfer(ModelRun run, int slot, Node from, Node to, Operation operation, Layout layout, Random dice) {
        this.run = run;
        this.name = slot + " " + operation;
        this.from = from;
        this.to = to;
        this.operation = operation;
        this.layout = layout;
        this.id = TransferId.random();
        this.confirm = dice.nextInt(3) == 0;
        this.leaseEnd = run.in(dice.nextInt(3) == 0 ? Duration.ofSeconds(1) : Node.LONG);
        this.record = new ModelRecord(run, name, layout, confirm, leaseEnd);
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
            made.note("offer of " + blocks + " blocks to "
                    + from.engine().identity().nodeId());
            return made;
        } catch (TransferException e) {
            run.note(slot + " offer refused: " + e.getMessage());
            assertThat(run.isExact())
                    .as("an offer was refused: " + e.getMessage())
                    .isFalse();
            return null;
        }
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
        TransferState outcome = record.outcome();
        if (known == null || (outcome != null && outcome != TransferState.COMPLETED)) {
            prepare(dice);
        } else if (outcome == null && !record.isAllSubmitted()) {
            submit(known, dice);
        } else if (outcome == TransferState.COMPLETED) {
            note("finish");
            known.finish();
        }
    }

    private void prepare(Random dice) {
        boolean mustWork = run.isExact() && attempt == 0 && record.isLeaseAlive();
        attempt++;
        Deadline own = run.in(Duration.ofMillis(dice.nextInt(4) == 0 ? 300 : 20_000));
        TransferRequest plain = from.request(id, operation, to, layout.local(operation))
                .attempt(attempt)
                .deadline(own);
        TransferRequest request = confirm ? plain.confirm() : plain;
        transfer = null;
        record.preparing(own);
        note("prepare of attempt " + attempt + (confirm ? ", to be confirmed" : ""));
        try {
            Deadline limit = run.in(mustWork ? Node.LONG : Duration.ofSeconds(1));
            var call = Await.start(() -> from.engine().prepare(request, limit));
            Transfer prepared = mustWork ? Await.get("prepare", call) : run.getMoving("prepare", call);
            transfer = prepared;
            record.prepared();
            all.add(prepared);
        } catch (TransferException e) {
            note("prepare failed: " + e.getMessage());
            assertThat(e.code()).as(e.getMessage()).isNotEqualTo(TransferErrorCode.INTERNAL);
            assertThat(mustWork)
                    .as("nothing was wrong, but prepare failed: " + e.getMessage())
                    .isFalse();
        }
    }

    private void submit(Transfer known, Random dice) {
        int first = record.firstFree(dice.nextInt(record.blocks()));
        first = first < record.blocks() ? first : record.firstFree(0);
        int room = endOfGap(first) - first;
        submit(known, new BlockRange(first, 1 + dice.nextInt(room)));
    }

    private int endOfGap(int first) {
        int taken = record.firstTaken(first);
        return taken < 0 ? record.blocks() : taken;
    }

    private void submit(Transfer known, BlockRange range) {
        boolean mustWork = record.mustRun();
        note("submit of " + range);
        record.submitted(range);
        try {
            known.submit(range);
        } catch (TransferException e) {
            note("submit failed: " + e.getMessage());
            assertThat(e.code()).as(e.getMessage()).isNotEqualTo(TransferErrorCode.INTERNAL);
            assertThat(mustWork)
                    .as("nothing was wrong, but submit failed: " + e.getMessage())
                    .isFalse();
            if (e.code() == TransferErrorCode.INVALID_REQUEST) {
                record.refused(range);
            }
        }
    }

    private void askIllegally(Random dice) {
        Transfer known = transfer;
        if (known == null) {
            return;
        }
        int taken = record.firstTaken(0);
        boolean outside = taken < 0 || dice.nextBoolean();
        BlockRange range = outside ? new BlockRange(record.blocks() - 1, 2) : new BlockRange(taken, 1);
        note("illegal submit of " + range);
        ConformanceSuite.assertFails(TransferErrorCode.INVALID_REQUEST, () -> known.submit(range));
    }

    private void askTwice() {
        if (!run.isExact() || !record.isLeaseAlive() || record.isLeaseOver()) {
            return;
        }
        note("a second offer, a second prepare");
        ConformanceSuite.assertFails(
                TransferErrorCode.ALREADY_EXISTS,
                () -> to.engine().offer(Node.request(id, operation, layout.remote(operation)), leaseEnd));
        if (record.mustRun() && record.outcome() == null) {
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
        record.askedForTheEnd();
        if (finish) {
            known.finish();
        } else {
            known.cancel();
        }
    }

    private void revoke() {
        note("revoke");
        record.revoked();
        lease.revoke();
    }

    private void readStatus() {
        Transfer known = transfer;
        if (known != null) {
            assertThat(known.status().blocksDone()).isLessThanOrEqualTo(record.submittedBlocks());
        }
        assertThat(lease.status().blocksTotal()).isEqualTo(record.blocks());
    }

    /** Waits for what needs nobody's doing and no time. */
    void settle() {
        Transfer known = transfer;
        if (known == null || !run.isExact()) {
            return;
        }
        if (record.mustRun()) {
            Await.until(
                    () -> this + ": what was submitted is applied: " + known.status(),
                    () -> known.status().blocksDone() >= record.submittedBlocks());
        }
        boolean ends = !record.mustRun() ? !record.isRevoked() : record.isAllSubmitted();
        if (ends) {
            Await.until(
                    () -> this + " ends: " + known.status(),
                    () -> known.result().isPresent());
        }
        observe();
    }

    /** Looks at both outcomes: each is one that the contract allows, and the one it was before. */
    void observe() {
        Transfer known = transfer;
        if (known != null) {
            known.result().ifPresent(result -> record.transferIs(result.state()));
        }
        lease.result().ifPresent(result -> record.leaseIs(result.state()));
    }

    boolean isOver() {
        Transfer known = transfer;
        return lease.result().isPresent() && (known == null || known.result().isPresent());
    }

    /** Lets it complete where it can, and ends it. */
    void wrapUp() {
        Transfer known = transfer;
        if (known != null && record.outcome() == null && record.mustRun()) {
            for (int first = record.firstFree(0); first < record.blocks(); first = record.firstFree(first)) {
                submit(known, new BlockRange(first, endOfGap(first) - first));
            }
            settle();
        }
        all.forEach(Transfer::finish);
        boolean completes = record.outcome() == TransferState.COMPLETED && !record.isRevoked();
        if (completes && run.isExact() && !record.isLeasePassing()) {
            Await.until(
                    () -> this + ": the lease ends: " + lease.status(),
                    () -> lease.result().isPresent());
        }
        lease.revoke();
        record.revoked();
        run.untilMoving(() -> this + " ends", this::isOver);
        observe();
    }

    /** What must hold of it once it is over. */
    ModelAftermath aftermath() {
        return new ModelAftermath(run, name, from, to, operation, id, layout, lease, all);
    }

    private void note(String what) {
        run.note(name + ": " + what);
    }

    @Override
    public String toString() {
        return "transfer " + name;
    }
}
