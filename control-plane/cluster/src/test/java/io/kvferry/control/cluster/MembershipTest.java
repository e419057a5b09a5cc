package io.kvferry.control.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.conformance.Await;
import io.kvferry.control.cluster.Cluster.TestNode;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class MembershipTest {
    private final Cluster cluster = new Cluster();

    @AfterEach
    void close() {
        cluster.close();
    }

    @Test
    void aNodeIsToldHowOftenToKeepItsLeaseAlive() {
        TestNode node = cluster.node("a", Keys.of(1));

        assertThat(node.session().lease()).isEqualTo(Cluster.LEASE);
        assertThat(node.session().keepAliveInterval()).isEqualTo(Cluster.INTERVAL);
    }

    @Test
    void aNodeThatKeepsTheIntervalItWasToldStaysLiveForEver() {
        TestNode node = cluster.node("a", Keys.of(1));

        for (int i = 0; i < 100; i++) {
            cluster.ticker.advance(node.session().keepAliveInterval());
            node.keepAlive();
            assertThat(cluster.state("a")).isEqualTo(NodeState.LIVE);
        }
    }

    @Test
    void aSilentNodeIsSuspectAfterHalfItsLeaseAndSkippedUntilItIsHeardAgain() {
        TestNode node = cluster.node("a", Keys.of(1));

        cluster.ticker.advance(Cluster.LEASE.dividedBy(2).plusSeconds(1));
        assertThat(cluster.state("a")).isEqualTo(NodeState.SUSPECT);
        assertThat(cluster.lookup(Keys.of(1)).isMiss()).isTrue();

        node.keepAlive();
        assertThat(cluster.state("a")).isEqualTo(NodeState.LIVE);
        assertThat(cluster.lookup(Keys.of(1)).prefixChunks()).isEqualTo(1);
    }

    @Test
    void required_lesson25_aNodeIsGoneWithItsChunksOnlyWhenItsLeaseHasEnded() {
        TestNode node = cluster.node("a", Keys.of(1, 2, 3));

        cluster.ticker.advance(Cluster.LEASE.minusSeconds(1));
        assertThat(cluster.state("a")).isEqualTo(NodeState.SUSPECT);
        cluster.ticker.advance(Duration.ofSeconds(1));

        Await.until("the node is gone", () -> cluster.state("a") == NodeState.GONE);
        Await.until("its chunks are gone", () -> cluster.controller.view().indexedPairs() == 0);
        Await.until("its link is told", () -> node.link().ends.contains(TransferErrorCode.LEASE_ENDED));
        assertThat(node.session().keepAlive(NodeStats.NONE)).isFalse();
    }

    @Test
    void required_R13_aRestartedNodeReplacesItsOldProcessAtOnce() {
        TestNode old = cluster.node(Cluster.registration("a", 1), Keys.of(1));

        TestNode restarted = cluster.node(Cluster.registration("a", 2), Keys.of(2));

        assertThat(old.link().ends).containsExactly(TransferErrorCode.PEER_RESTARTED);
        assertThat(cluster.lookup(Keys.of(1)).isMiss()).isTrue();
        LookupAnswer answer = cluster.lookup(Keys.of(2));
        assertThat(answer.holders().getFirst().node().identity().bootId()).isEqualTo(2);
        assertThat(old.session().keepAlive(NodeStats.NONE)).isFalse();
        assertThat(restarted.session().keepAlive(NodeStats.NONE)).isTrue();
        assertThat(cluster.controller.nodes()).hasSize(1);
    }

    @Test
    void required_lesson26_aNodeThatSaysGoodbyeIsGoneWhenTheCallReturns() {
        TestNode node = cluster.node("a", Keys.of(1));

        node.session().deregister(cluster.soon());

        assertThat(cluster.controller.nodes()).isEmpty();
        assertThat(cluster.lookup(Keys.of(1)).isMiss()).isTrue();
    }

    @Test
    void anotherSessionOfTheSameProcessTakesOverAndTheNodeSyncsAgain() {
        NodeRegistration registration = Cluster.registration("a", 1);
        TestNode first = cluster.node(registration, Keys.of(1));
        TestLink link = new TestLink();

        NodeSession second = cluster.controller.connect(registration, link, cluster.soon());

        assertThat(first.link().ends).containsExactly(TransferErrorCode.CONTROL_FAILED);
        assertThat(first.session().keepAlive(NodeStats.NONE)).isFalse();
        assertThat(second.keepAlive(NodeStats.NONE)).isTrue();
        // what was known stays visible until the sync
        assertThat(cluster.lookup(Keys.of(1)).prefixChunks()).isEqualTo(1);
        assertThat(cluster.controller.isIndexComplete()).isFalse();
    }

    @Test
    void aProcessCannotChangeWhatItRegistered() {
        cluster.node(Cluster.registration("a", 1), Keys.of(1));
        KeyScheme other = new KeyScheme("other", 8, 16);

        TransferException refusal = catchThrowableOfType(
                TransferException.class,
                () -> cluster.controller.connect(Cluster.registration("a", 1, other), new TestLink(), cluster.soon()));

        assertThat(refusal.code()).isEqualTo(TransferErrorCode.INVALID_REQUEST);
    }

    @Test
    void required_lesson29_aSchemeThatMeansSomethingElseIsIncompatible() {
        cluster.node("a", Keys.of(1));
        KeyScheme smaller = new KeyScheme(Keys.SCHEME.name(), 32, 128);

        TransferException refusal = catchThrowableOfType(
                TransferException.class,
                () -> cluster.controller.connect(
                        Cluster.registration("b", 1, smaller), new TestLink(), cluster.soon()));

        assertThat(refusal.code()).isEqualTo(TransferErrorCode.INCOMPATIBLE_PEER);
        assertThat(refusal.error().detail()).contains("128 tokens", "256 tokens", "node a");
    }

    @Test
    void aSchemeMayMeanSomethingElseOnceItsLastNodeIsGone() {
        TestNode only = cluster.node("a", Keys.of(1));
        only.session().deregister(cluster.soon());
        KeyScheme shorter = new KeyScheme(Keys.SCHEME.name(), 8, 16);

        cluster.node(Cluster.registration("b", 1, shorter), Keys.ofLength(8, 1));

        assertThat(cluster.lookup(Keys.ofLength(8, 1)).prefixChunks()).isEqualTo(1);
    }

    @Test
    void eventsTellTheLifeOfANodeInOrder() {
        try (EventSubscription events = cluster.controller.subscribe(100)) {
            TestNode node = cluster.node("a", Keys.of(1));
            cluster.ticker.advance(Cluster.LEASE.dividedBy(2).plusSeconds(1));
            node.keepAlive();
            node.session().deregister(cluster.soon());

            ControllerEvent registered = events.take(cluster.soon()).orElseThrow();
            assertThat(registered.kind()).isEqualTo(ControllerEvent.Kind.NODE_REGISTERED);
            assertThat(registered.registration()).contains(Cluster.registration("a", 1));
            assertThat(registered.detail()).isEqualTo("test, sha256/test, 256 tokens a chunk");
            for (ControllerEvent.Kind kind : new ControllerEvent.Kind[] {
                ControllerEvent.Kind.SYNC_FINISHED,
                ControllerEvent.Kind.NODE_SUSPECT,
                ControllerEvent.Kind.NODE_RECOVERED,
                ControllerEvent.Kind.NODE_GONE
            }) {
                assertThat(events.take(cluster.soon()).orElseThrow().kind()).isEqualTo(kind);
            }
        }
    }

    @Test
    void required_R17_aSlowListenerLosesTheOldestEventsAndNobodyElseAnything() {
        try (EventSubscription slow = cluster.controller.subscribe(1)) {
            cluster.node("a", Keys.of(1));

            assertThat(slow.dropped()).isEqualTo(1);
            assertThat(slow.take(cluster.soon()).orElseThrow().kind()).isEqualTo(ControllerEvent.Kind.SYNC_FINISHED);
        }
    }
}
