package io.kvferry.engine;

import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import java.time.Duration;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.junit.jupiter.api.Test;

/** An attempt that is over stays over, whoever buries which attempt at the same time. */
@Param(name = "attempt", gen = IntGen.class, conf = "1:3")
public class TombstonesStressTest {
    private static final TransferId ID = TransferId.random();
    private static final PeerIdentity PEER = new PeerIdentity("node", 1);
    private static final PeerReply.Finished REPLY = new PeerReply.Finished(TransferState.FAILED, null);

    private final Tombstones stones = new Tombstones(2, Duration.ZERO, () -> 0);

    @Operation
    public void bury(@Param(name = "attempt") int attempt) {
        stones.told(ID, PEER, attempt, false, REPLY);
    }

    @Operation
    public boolean isOver(@Param(name = "attempt") int attempt) {
        return stones.reply(ID, PEER, attempt) != null;
    }

    @Test
    void everyInterleavingHasAnOrder() {
        Budget.interleavings(new ModelCheckingOptions())
                .sequentialSpecification(Model.class)
                .check(TombstonesStressTest.class);
    }

    /** The same on one thread. */
    public static class Model {
        private int newest;

        public void bury(int attempt) {
            newest = Math.max(newest, attempt);
        }

        public boolean isOver(int attempt) {
            return attempt <= newest;
        }
    }
}
