package io.kvferry.control.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.conformance.Await;
import io.kvferry.control.cluster.Cluster.TestNode;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class IndexTest {
    private final Cluster cluster = new Cluster();

    @AfterEach
    void close() {
        cluster.close();
    }

    private static ChunkBatch admit(long sequence, ChunkKeys keys) {
        return new ChunkBatch(sequence, Tier.HOST, ChunkKeys.none(32), keys, Optional.empty());
    }

    private static ChunkBatch evict(long sequence, ChunkKeys keys) {
        return new ChunkBatch(sequence, Tier.HOST, keys, ChunkKeys.none(32), Optional.empty());
    }

    private static List<String> ids(LookupAnswer answer) {
        return answer.holders().stream()
                .map(holder -> holder.node().identity().nodeId())
                .toList();
    }

    @Test
    void aLookupFindsTheLongestPrefixAndWhoHoldsHowMuchOfIt() {
        cluster.node("a", Keys.range(0, 5));
        cluster.node("b", Keys.range(0, 3));
        cluster.node("c", Keys.range(2, 9));

        LookupAnswer answer = cluster.lookup(Keys.range(0, 20));

        assertThat(answer.prefixChunks()).isEqualTo(9);
        assertThat(ids(answer)).containsExactly("a", "b");
        assertThat(answer.holders()).extracting(Holder::chunks).containsExactly(5, 3);
        assertThat(ids(cluster.lookup(Keys.range(5, 20)))).containsExactly("c");
    }

    @Test
    void amongEqualsTheLessBusyThenTheRecentlyHeardThenTheFasterTierIsBest() {
        TestNode a = cluster.node("a", Keys.of(1));
        TestNode b = cluster.node("b", Keys.of(1));
        TestNode c = cluster.node("c", Keys.of(1));
        a.busy(90);
        b.busy(20);
        c.busy(55);
        assertThat(ids(cluster.lookup(Keys.of(1)))).containsExactly("b", "c", "a");

        cluster.ticker.advance(Cluster.INTERVAL.multipliedBy(2));
        a.busy(20);
        c.busy(20);
        assertThat(ids(cluster.lookup(Keys.of(1)))).endsWith("b");

        b.busy(20);
        c.session().apply(new ChunkBatch(1, Tier.DEVICE, ChunkKeys.none(32), Keys.of(1), Optional.empty()));
        assertThat(ids(cluster.lookup(Keys.of(1)))).startsWith("c");
    }

    @Test
    void whoAsksIsNotNamedAsHolder() {
        cluster.node("a", Keys.of(1, 2));

        Lookup lookup = Lookup.of(Keys.SCHEME.name(), Keys.of(1, 2), "a");

        assertThat(cluster.controller.lookup(lookup).isMiss()).isTrue();
        assertThat(cluster.controller.explain(lookup).reason()).isEqualTo(Explanation.Reason.EXCLUDED_HOLDER);
    }

    @Test
    void aNodeThatHoldsMoreThanTheCommonBeginningIsFoundAmongVeryMany() {
        for (int i = 0; i < 200; i++) {
            cluster.node("n" + i, Keys.range(0, 4));
        }
        cluster.node("z", Keys.range(0, 8));

        LookupAnswer answer = cluster.lookup(Keys.range(0, 10));

        assertThat(answer.prefixChunks()).isEqualTo(8);
        assertThat(ids(answer).getFirst()).isEqualTo("z");
        assertThat(answer.holders()).hasSize(Lookup.MAX_HOLDERS);
    }

    @Test
    void batchesChangeWhatIsHeld() {
        TestNode node = cluster.node("a", Keys.range(0, 4));

        assertThat(node.session().apply(admit(1, Keys.range(4, 6)))).isTrue();
        assertThat(cluster.lookup(Keys.range(0, 9)).prefixChunks()).isEqualTo(6);
        assertThat(node.session().apply(evict(2, Keys.of(3)))).isTrue();
        assertThat(cluster.lookup(Keys.range(0, 9)).prefixChunks()).isEqualTo(3);
    }

    @Test
    void aChunkIsHeldUntilItHasLeftEveryTier() {
        TestNode node = cluster.node("a", Keys.of(1));
        ChunkKeys none = ChunkKeys.none(32);

        node.session().apply(new ChunkBatch(1, Tier.DISK, none, Keys.of(1), Optional.empty()));
        node.session().apply(evict(2, Keys.of(1)));
        assertThat(cluster.lookup(Keys.of(1)).holders().getFirst().tier()).isEqualTo(Tier.DISK);

        node.session().apply(new ChunkBatch(3, Tier.DISK, Keys.of(1), none, Optional.empty()));
        assertThat(cluster.lookup(Keys.of(1)).isMiss()).isTrue();
    }

    @Test
    void required_lesson27_aLostBatchIsNoticedAndASyncHealsIt() {
        TestNode node = cluster.node("a", Keys.range(0, 4));
        NodeSession session = node.session();

        assertThat(session.apply(admit(2, Keys.of(5)))).isFalse();
        assertThat(node.link().syncRequests).hasSize(1);
        assertThat(cluster.controller.nodes().getFirst().synced()).isFalse();

        // batches before the sync are left out and ask for nothing more
        assertThat(session.apply(admit(3, Keys.of(6)))).isFalse();
        assertThat(node.link().syncRequests).hasSize(1);
        // look-ups go on meanwhile
        assertThat(cluster.lookup(Keys.range(0, 9)).prefixChunks()).isEqualTo(4);

        session.beginSync();
        session.addToSync(Tier.HOST, Keys.range(0, 3));
        assertThat(cluster.lookup(Keys.range(0, 9)).prefixChunks()).isEqualTo(4);
        session.addToSync(Tier.HOST, Keys.range(3, 7));
        assertThat(session.finishSync(Optional.empty())).isTrue();
        assertThat(cluster.lookup(Keys.range(0, 9)).prefixChunks()).isEqualTo(7);
        assertThat(session.apply(admit(1, Keys.of(7)))).isTrue();
        Await.until(
                "what was known before is swept out",
                () -> cluster.controller.view().indexedPairs() == 8);
    }

    @Test
    void aRepeatedBatchIsAGapToo() {
        TestNode node = cluster.node("a", Keys.of(0));

        assertThat(node.session().apply(admit(1, Keys.of(1)))).isTrue();
        assertThat(node.session().apply(admit(1, Keys.of(1)))).isFalse();

        assertThat(node.link().syncRequests).hasSize(1);
        assertThat(cluster.counter("sequence-gaps")).isEqualTo(1);
    }

    @Test
    void aDigestThatDiffersStartsASync() {
        TestNode node = cluster.node("a", Keys.of(0));
        IndexDigest right = IndexDigest.EMPTY.plus(Keys.of(0, 1), 0, Tier.HOST).plus(Keys.of(0, 1), 1, Tier.HOST);
        ChunkKeys none = ChunkKeys.none(32);

        assertThat(node.session().apply(new ChunkBatch(1, Tier.HOST, none, Keys.of(1), Optional.of(right))))
                .isTrue();
        assertThat(node.session().apply(new ChunkBatch(2, Tier.HOST, none, Keys.of(2), Optional.of(right))))
                .isFalse();

        assertThat(node.link().syncRequests).hasSize(1);
        assertThat(cluster.counter("digest-mismatches")).isEqualTo(1);
    }

    @Test
    void aSyncWhoseDigestDiffersChangesNothingAndIsAskedForAgain() {
        TestNode node = cluster.node("a", Keys.range(0, 4));

        node.session().beginSync();
        node.session().addToSync(Tier.HOST, Keys.of(0));
        assertThat(node.session().finishSync(Optional.of(new IndexDigest(2, 5))))
                .isFalse();

        assertThat(node.link().syncRequests).hasSize(1);
        assertThat(cluster.lookup(Keys.range(0, 9)).prefixChunks()).isEqualTo(4);
    }

    @Test
    void aSyncMayBeginAgainAtAnyMoment() {
        TestNode node = cluster.node("a", Keys.range(0, 4));

        node.session().beginSync();
        node.session().addToSync(Tier.HOST, Keys.of(100));
        node.session().beginSync();
        node.session().addToSync(Tier.HOST, Keys.range(0, 2));
        node.session().finishSync(Optional.empty());

        assertThat(cluster.lookup(Keys.of(100)).isMiss()).isTrue();
        assertThat(cluster.lookup(Keys.range(0, 9)).prefixChunks()).isEqualTo(2);
    }

    @Test
    void keysOfAnotherLengthAreRefused() {
        cluster.node("a", Keys.of(1));
        ChunkKeys shorter = Keys.ofLength(8, 1);

        TransferException refusal = catchThrowableOfType(TransferException.class, () -> cluster.lookup(shorter));

        assertThat(refusal.code()).isEqualTo(TransferErrorCode.INVALID_REQUEST);
        assertThat(refusal.error().detail()).contains("8 bytes", "have 32");
        assertThat(cluster.explain(shorter).reason()).isEqualTo(Explanation.Reason.OTHER_KEY_LENGTH);
    }

    @Test
    void explainSaysWhyAChainEndsWhereItEnds() {
        assertThat(cluster.explain(Keys.of(1)).reason()).isEqualTo(Explanation.Reason.NO_NODE);

        TestNode a = cluster.node("a", Keys.range(0, 4));
        assertThat(cluster.controller
                        .explain(Lookup.of("another", Keys.of(1), ""))
                        .detail())
                .contains("another", Keys.SCHEME.name());
        Explanation fresh = cluster.explain(Keys.range(0, 9));
        assertThat(fresh.reason()).isEqualTo(Explanation.Reason.INDEX_INCOMPLETE);
        assertThat(fresh.firstMissing()).isEqualTo(4);

        for (int i = 0; i < 6; i++) {
            cluster.ticker.advance(Cluster.INTERVAL);
            a.keepAlive();
        }
        assertThat(cluster.explain(Keys.range(0, 9)).reason()).isEqualTo(Explanation.Reason.NOT_HELD);
        assertThat(cluster.explain(Keys.range(0, 4)).reason()).isEqualTo(Explanation.Reason.ALL_FOUND);

        cluster.ticker.advance(Cluster.LEASE.dividedBy(2).plusSeconds(1));
        Explanation suspect = cluster.explain(Keys.range(0, 4));
        assertThat(suspect.reason()).isEqualTo(Explanation.Reason.SUSPECT_HOLDERS);
        assertThat(suspect.detail()).contains("a");
    }

    @Test
    void required_R19_hitsAndMissesAreCountedAsWhatWasAskedFor() {
        cluster.node("a", Keys.range(0, 4));

        cluster.lookup(Keys.range(0, 10));
        cluster.lookup(Keys.range(50, 60));

        assertThat(cluster.counter("lookups")).isEqualTo(2);
        assertThat(cluster.counter("lookup-misses")).isEqualTo(1);
        assertThat(cluster.counter("lookup-chunks-requested")).isEqualTo(20);
        assertThat(cluster.counter("lookup-chunks-found")).isEqualTo(4);
    }

    @Test
    void theIndexIsIncompleteWhileANewControllerMayNotHaveHeardOfEveryNode() {
        TestNode node = cluster.node("a", Keys.of(1));
        assertThat(cluster.lookup(Keys.of(1)).indexComplete()).isFalse();

        for (int i = 0; i < 6; i++) {
            cluster.ticker.advance(Cluster.INTERVAL);
            node.keepAlive();
        }

        assertThat(cluster.lookup(Keys.of(1)).indexComplete()).isTrue();
    }
}
