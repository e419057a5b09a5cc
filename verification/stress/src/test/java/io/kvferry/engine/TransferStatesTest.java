package io.kvferry.engine;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import java.time.Duration;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.jetbrains.lincheck.datastructures.Validate;
import org.junit.jupiter.api.Test;

/**
 * The life of a transfer: whatever its verbs, its backend and its clock do at the same time can be explained by one order of
 * them, in which the first end wins.
 *
 * <p>Submitting and applying come from one thread, as a part is claimed a moment before its I/O starts; everything else
 * comes from anywhere.
 */
@Param(name = "block", gen = IntGen.class, conf = "0:1")
public class TransferStatesTest {
    private static final HandPair PAIR = new HandPair();
    private static TransferStatesTest last;

    private final TransferId id = TransferId.random();
    private final Lease lease = PAIR.target.offer(LeaseRequest.writable(id, PAIR.destination), PAIR.far());
    private final Transfer transfer = PAIR.initiator.prepare(
            TransferRequest.write(id, PAIR.target.address(), PAIR.source).deadline(PAIR.far()), PAIR.far());

    /** Ends what the invocation before this one has left. */
    public TransferStatesTest() {
        TransferStatesTest before = last;
        if (before != null) {
            before.transfer.finish();
            before.lease.revoke();
            PAIR.backend.forget(before.id);
        }
        last = this;
    }

    @Operation(nonParallelGroup = "data")
    public boolean submit(@Param(name = "block") int block) {
        try {
            transfer.submit(new BlockRange(block, 1));
            return true;
        } catch (TransferException e) {
            if (e.code() != TransferErrorCode.INVALID_REQUEST) {
                throw e;
            }
            return false;
        }
    }

    @Operation(nonParallelGroup = "data")
    public boolean apply(@Param(name = "block") int block) {
        return PAIR.backend.move(id).apply(block);
    }

    @Operation
    public void cancel() {
        transfer.cancel();
    }

    @Operation
    public void finish() {
        transfer.finish();
    }

    @Operation
    public String waitUntilNow() {
        return name(transfer.await(PAIR.ticker.in(Duration.ZERO)).state());
    }

    @Operation
    public String state() {
        TransferStatus status = transfer.status();
        if (status.error() == null) {
            return name(status.state());
        }
        return status.error().code() == TransferErrorCode.CANCELLED ? "CANCELLED" : "TIMED_OUT";
    }

    private static String name(TransferState state) {
        return switch (state) {
            case NEW, PREPARING, PREPARED, SUBMITTED, IN_FLIGHT -> "RUNNING";
            case FINISHED, COMPLETED -> "COMPLETED";
            case FAILED, CANCELLED, TIMED_OUT, QUARANTINED -> state.name();
        };
    }

    /** Both sides agree in the end, and hold nothing. */
    @Validate
    public void bothSidesAgree() {
        if (state().equals("RUNNING")) {
            return;
        }
        transfer.finish();
        boolean completed = transfer.await(PAIR.far()).state() == TransferState.COMPLETED;
        if (!completed && transfer.await(PAIR.far()).state() != TransferState.CANCELLED) {
            lease.revoke();
        }
        boolean there = lease.await(PAIR.far()).state() == TransferState.COMPLETED;
        if (completed != there) {
            throw new IllegalStateException("here completed: " + completed + ", there: " + there);
        }
        if (!transfer.awaitQuiescent(PAIR.far()) || lease.memory() != Quiescence.QUIESCENT) {
            throw new IllegalStateException("not quiescent: " + transfer + ", " + lease);
        }
    }

    @Test
    void verbsOfOneTransferHaveAnOrder() {
        Budget.stress(new StressOptions()).sequentialSpecification(Model.class).check(TransferStatesTest.class);
    }

    /** What the contract says of the same verbs, one after the other. */
    public static class Model {
        private final boolean[] submitted = new boolean[HandPair.BLOCKS];
        private final boolean[] applied = new boolean[HandPair.BLOCKS];
        private String state = "RUNNING";

        public boolean submit(int block) {
            boolean allowed = state.equals("RUNNING") && !submitted[block];
            submitted[block] |= allowed;
            return allowed;
        }

        public boolean apply(int block) {
            boolean now = submitted[block] && !applied[block];
            applied[block] |= now;
            if (applied[0] && applied[1]) {
                end("COMPLETED");
            }
            return now;
        }

        public void cancel() {
            end("CANCELLED");
        }

        public void finish() {
            end("CANCELLED");
        }

        public String waitUntilNow() {
            end("TIMED_OUT");
            return state;
        }

        public String state() {
            return state;
        }

        private void end(String how) {
            if (state.equals("RUNNING")) {
                state = how;
            }
        }
    }
}
