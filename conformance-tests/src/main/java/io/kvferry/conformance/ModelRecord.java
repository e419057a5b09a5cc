package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferState;
import java.time.Duration;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/** What was asked of one lease and its attempts so far, and which outcomes that allows. Confined to the test's thread. */
final class ModelRecord {
    private static final Duration GUARD = Duration.ofMillis(50);

    private final ModelRun run;
    private final String name;
    private final Layout layout;
    private final boolean confirm;
    private final Deadline leaseEnd;

    private final BitSet submitted = new BitSet();
    private Deadline own;
    private boolean prepared;
    /** The end was asked for before everything was submitted. */
    private boolean asked;
    /** The end was asked for when everything was submitted: completion may have been first. */
    private boolean askedLate;

    private boolean revoked;
    private @Nullable TransferState outcome;
    private @Nullable TransferState leaseOutcome;

    ModelRecord(ModelRun run, String name, Layout layout, boolean confirm, Deadline leaseEnd) {
        this.run = run;
        this.name = name;
        this.layout = layout;
        this.confirm = confirm;
        this.leaseEnd = leaseEnd;
        this.own = leaseEnd;
    }

    /** Another attempt begins, with a deadline of its own. */
    void preparing(Deadline deadline) {
        own = deadline;
        prepared = false;
        submitted.clear();
        outcome = null;
    }

    void prepared() {
        prepared = true;
    }

    void submitted(BlockRange range) {
        submitted.set(range.first(), range.end());
    }

    void refused(BlockRange range) {
        submitted.clear(range.first(), range.end());
    }

    void askedForTheEnd() {
        if (outcome == null) {
            asked |= !isAllSubmitted();
            askedLate |= isAllSubmitted();
        }
    }

    void revoked() {
        revoked = true;
    }

    boolean isRevoked() {
        return revoked;
    }

    int blocks() {
        return layout.sourceBlocks().size();
    }

    int submittedBlocks() {
        return submitted.cardinality();
    }

    boolean isAllSubmitted() {
        return submitted.cardinality() == blocks();
    }

    /** The first block from one on that was submitted, or -1. */
    int firstTaken(int from) {
        return submitted.nextSetBit(from);
    }

    /** The first block from one on that was not submitted, perhaps the one behind the last. */
    int firstFree(int from) {
        return submitted.nextClearBit(from);
    }

    @Nullable
    TransferState outcome() {
        return outcome;
    }

    boolean isLeaseOver() {
        return leaseOutcome != null;
    }

    /** The lease has been given no reason to end, unless its transfer completed. */
    boolean isLeaseAlive() {
        return !revoked && !asked && !askedLate && outcome != TransferState.COMPLETED && !isLeasePassing();
    }

    /** The lease's time is over, or so close to its end that its initiator starts nothing more. */
    boolean isLeasePassing() {
        return isPassed(leaseEnd, GUARD);
    }

    /** Nothing is wrong, so what was submitted must be applied. */
    boolean mustRun() {
        return run.isExact() && prepared && isLeaseAlive() && !isPassed(own, Duration.ZERO);
    }

    private static boolean isPassed(Deadline deadline, Duration guard) {
        return deadline.remainingNanos() <= guard.toNanos();
    }

    /** The transfer has this outcome: one that the contract allows, and the one it had before. */
    void transferIs(TransferState now) {
        if (outcome == null) {
            outcome = now;
            run.note(name + ": transfer ended " + now);
            checkOutcome(now);
        }
        assertThat(now).as(this + ": an outcome never changes").isEqualTo(outcome);
    }

    private void checkOutcome(TransferState now) {
        if (now == TransferState.COMPLETED) {
            assertThat(isAllSubmitted())
                    .as(this + " COMPLETED with all submitted")
                    .isTrue();
            layout.assertMoved();
        }
        if (run.isExact()) {
            boolean passed = isPassed(own, Duration.ZERO) || isLeasePassing();
            boolean allowed = switch (now) {
                case COMPLETED -> !asked;
                case CANCELLED -> asked || askedLate || revoked;
                case TIMED_OUT -> passed;
                default -> revoked || isPassed(leaseEnd, Duration.ZERO);
            };
            assertThat(allowed).as(this + " may end " + now).isTrue();
        }
    }

    /** The lease has this outcome: one that the contract allows, and the one it had before. */
    void leaseIs(TransferState now) {
        if (leaseOutcome == null) {
            leaseOutcome = now;
            run.note(name + ": lease ended " + now);
            checkLeaseOutcome(now);
        }
        assertThat(now).as(this + ": an outcome never changes").isEqualTo(leaseOutcome);
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
                assertThat(isPassed(leaseEnd, Duration.ZERO))
                        .as(this + ": the lease's deadline has passed")
                        .isTrue();
            default -> {
                if (run.isExact()) {
                    assertThat(asked || askedLate || revoked)
                            .as(this + ": the lease may end " + now)
                            .isTrue();
                }
            }
        }
    }

    @Override
    public String toString() {
        return "transfer " + name;
    }
}
