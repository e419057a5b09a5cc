package io.kvferry.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import org.junit.jupiter.api.Test;

class TombstonesTest {
    private static final TransferId ID = new TransferId(1, 1);
    private static final PeerIdentity PEER = new PeerIdentity("peer", 1);
    private static final PeerReply.Finished COMPLETED = new PeerReply.Finished(TransferState.COMPLETED, null);
    private static final PeerReply.Finished CANCELLED = new PeerReply.Finished(TransferState.CANCELLED, null);

    private final Tombstones tombstones = new Tombstones(3);

    @Test
    void anAttemptNotNewerThanTheNewestFinishedIsOver() {
        tombstones.put(ID, PEER, 3, COMPLETED);
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
        tombstones.put(ID, new PeerIdentity("stranger", 1), 9, CANCELLED);
        assertThat(tombstones.reply(ID, PEER, 1)).isNull();
        assertThat(tombstones.reply(ID, new PeerIdentity("stranger", 2), 9))
                .as("a node that restarts is the same node")
                .isEqualTo(CANCELLED);
    }

    @Test
    void anOlderEndDoesNotReplaceANewerOne() {
        tombstones.put(ID, PEER, 3, COMPLETED);
        tombstones.put(ID, PEER, 1, CANCELLED);
        assertThat(tombstones.reply(ID, PEER, 3)).isEqualTo(COMPLETED);
    }

    @Test
    void onAStandingLeaseOnlyThatAttemptOfThatInitiatorIsOver() {
        tombstones.putOne(ID, PEER, 5, COMPLETED);
        assertThat(tombstones.reply(ID, PEER, 5)).isEqualTo(COMPLETED);
        assertThat(tombstones.reply(ID, PEER, 4)).isNull();
        assertThat(tombstones.reply(ID, new PeerIdentity("peer", 2), 5)).isNull();
    }

    @Test
    void theOldestGoesFirstAndTheNumberIsBounded() {
        for (int i = 0; i < 100; i++) {
            tombstones.put(new TransferId(0, i), PEER, 1, COMPLETED);
        }
        assertThat(tombstones.size()).isEqualTo(3);
        assertThat(tombstones.reply(new TransferId(0, 96), PEER, 1)).isNull();
        assertThat(tombstones.reply(new TransferId(0, 99), PEER, 1)).isEqualTo(COMPLETED);
    }
}
