package io.kvferry.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class TombstonesTest {
    private static final TransferId ID = new TransferId(1, 1);
    private static final PeerIdentity PEER = new PeerIdentity("peer", 1);
    private static final PeerReply.Finished COMPLETED = new PeerReply.Finished(TransferState.COMPLETED, null);
    private static final PeerReply.Finished CANCELLED = new PeerReply.Finished(TransferState.CANCELLED, null);
    private static final long SECOND = 1_000_000_000;

    private final AtomicLong nanos = new AtomicLong(Long.MAX_VALUE - SECOND);
    private final Tombstones tombstones = new Tombstones(3, Duration.ofSeconds(60), nanos::get);

    @Test
    void anAttemptNotNewerThanTheNewestFinishedIsOver() {
        tombstones.told(ID, PEER, 3, false, COMPLETED);
        assertThat(tombstones.reply(ID, PEER, 2))
                .extracting(PeerReply.Finished::outcome)
                .as("an older attempt does not get the newer one's answer")
                .isEqualTo(TransferState.CANCELLED);
        assertThat(tombstones.reply(ID, PEER, 3)).isEqualTo(COMPLETED);
        assertThat(tombstones.reply(ID, PEER, 4)).isNull();
        assertThat(tombstones.reply(new TransferId(1, 2), PEER, 1)).isNull();
    }

    @Test
    void aNodeBuriesItsOwnAttemptsOnly() {
        tombstones.unknown(ID, new PeerIdentity("stranger", 1), 9, false, CANCELLED);
        assertThat(tombstones.reply(ID, PEER, 1)).isNull();
        assertThat(tombstones.reply(ID, new PeerIdentity("stranger", 2), 9))
                .as("a node that restarts is the same node")
                .isEqualTo(CANCELLED);
    }

    @Test
    void anOlderEndDoesNotReplaceANewerOne() {
        tombstones.told(ID, PEER, 3, false, COMPLETED);
        tombstones.told(ID, PEER, 1, false, CANCELLED);
        assertThat(tombstones.reply(ID, PEER, 3)).isEqualTo(COMPLETED);
    }

    @Test
    void onAStandingLeaseOnlyThatAttemptOfThatInitiatorIsOver() {
        tombstones.told(ID, PEER, 5, true, COMPLETED);
        assertThat(tombstones.reply(ID, PEER, 5)).isEqualTo(COMPLETED);
        assertThat(tombstones.reply(ID, PEER, 4)).isNull();
        assertThat(tombstones.reply(ID, new PeerIdentity("peer", 2), 5)).isNull();
    }

    @Test
    void ofEndsThatWereToldTheOldestGoesFirstAndTheNumberIsBounded() {
        for (int i = 0; i < 100; i++) {
            tombstones.told(id(i), PEER, 1, false, COMPLETED);
        }
        assertThat(tombstones.size()).isEqualTo(3);
        assertThat(tombstones.reply(id(96), PEER, 1)).isNull();
        assertThat(tombstones.reply(id(99), PEER, 1)).isEqualTo(COMPLETED);
    }

    @Test
    void anEndThatWasNotToldStaysWhileItsInitiatorRepeatsFinish() {
        tombstones.untold(ID, PEER, 1, false, CANCELLED, 10 * SECOND);
        fillWithToldEnds();
        assertThat(tombstones.reply(ID, PEER, 1)).isEqualTo(CANCELLED);
        nanos.addAndGet(10 * SECOND);
        for (int i = 0; i < 3; i++) {
            tombstones.untold(id(1000 + i), PEER, 1, false, CANCELLED, SECOND);
        }
        assertThat(tombstones.reply(ID, PEER, 1)).as("nobody asks any longer").isNull();
    }

    @Test
    void anEndThatIsToldAtLastGoesWithTheOthers() {
        tombstones.untold(ID, PEER, 1, true, CANCELLED, 10 * SECOND);
        assertThat(tombstones.tell(ID, PEER, 1)).isEqualTo(CANCELLED);
        fillWithToldEnds();
        assertThat(tombstones.reply(ID, PEER, 1)).isNull();
    }

    @Test
    void theEndOfAnUnknownAttemptStaysAlthoughFinishIsRepeatedAsItsPrepareMayCome() {
        tombstones.unknown(ID, PEER, 1, false, CANCELLED);
        assertThat(tombstones.tell(ID, PEER, 1)).isEqualTo(CANCELLED);
        fillWithToldEnds();
        assertThat(tombstones.reply(ID, PEER, 1)).isEqualTo(CANCELLED);
    }

    @Test
    void nobodyKeepsAnEndForLongerThanTheTargetsOwnHorizon() {
        tombstones.untold(ID, PEER, 1, false, CANCELLED, Long.MAX_VALUE);
        nanos.addAndGet(60 * SECOND);
        fillWithToldEnds();
        tombstones.untold(id(1000), PEER, 1, false, CANCELLED, SECOND);
        tombstones.untold(id(1001), PEER, 1, false, CANCELLED, SECOND);
        tombstones.untold(id(1002), PEER, 1, false, CANCELLED, SECOND);
        assertThat(tombstones.reply(ID, PEER, 1)).isNull();
    }

    @Test
    void whereNoEndMayGoThereIsNoRoomUntilOneMay() {
        for (int i = 0; i < 3; i++) {
            tombstones.checkRoom(Stage.PREPARE);
            tombstones.untold(id(i), PEER, 1, false, CANCELLED, 10 * SECOND);
        }
        assertExhausted(() -> tombstones.checkRoom(Stage.PREPARE));
        assertExhausted(() -> tombstones.unknown(ID, PEER, 1, false, CANCELLED));
        tombstones.untold(id(3), PEER, 1, false, CANCELLED, 10 * SECOND);
        assertThat(tombstones.size())
                .as("what was let in before is remembered all the same")
                .isEqualTo(4);
        nanos.addAndGet(10 * SECOND);
        assertThatCode(() -> tombstones.unknown(ID, PEER, 1, false, CANCELLED)).doesNotThrowAnyException();
        assertThat(tombstones.size()).isEqualTo(3);
    }

    @Test
    void oneNodeCannotFillTheRoomWithEndsThatNobodyKnows() {
        Tombstones many = new Tombstones(8, Duration.ofSeconds(60), nanos::get);
        many.unknown(id(0), PEER, 1, false, CANCELLED);
        many.unknown(id(1), PEER, 1, false, CANCELLED);
        many.unknown(id(1), PEER, 2, false, CANCELLED);
        assertExhausted(() -> many.unknown(id(2), PEER, 1, false, CANCELLED));
        many.unknown(id(2), new PeerIdentity("other", 1), 1, false, CANCELLED);
        many.told(id(0), PEER, 2, false, COMPLETED);
        many.unknown(id(3), PEER, 1, false, CANCELLED);
        assertExhausted(() -> many.unknown(id(4), PEER, 1, false, CANCELLED));
    }

    private void fillWithToldEnds() {
        for (int i = 0; i < 3; i++) {
            tombstones.told(id(i), PEER, 1, false, COMPLETED);
        }
    }

    private static TransferId id(int number) {
        return new TransferId(0, number);
    }

    private static void assertExhausted(Runnable call) {
        assertThatThrownBy(call::run)
                .isInstanceOfSatisfying(
                        TransferException.class,
                        refusal -> assertThat(refusal.code()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED))
                .hasMessageContaining("kvferry.max-tombstones");
    }
}
