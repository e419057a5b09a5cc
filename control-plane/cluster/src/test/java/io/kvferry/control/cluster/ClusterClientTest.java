package io.kvferry.control.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.conformance.Await;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Nodes and controllers as they meet over gRPC. */
class ClusterClientTest {
    private final Cluster cluster = new Cluster();
    private final List<ClusterClient> clients = new ArrayList<>();

    @AfterEach
    void close() {
        clients.forEach(client -> client.close(cluster.soon()));
        cluster.close();
    }

    private ClusterClient client(String node, OrderHandler orders) {
        return client(Cluster.registration(node, 1), orders, List.of(cluster.controller.address()));
    }

    private ClusterClient client(NodeRegistration registration, OrderHandler orders, List<PeerAddress> controllers) {
        ClusterClient client = ClusterClient.builder()
                .config(BackendConfig.DEFAULTS.with(ClusterConfigKeys.MAX_PENDING_KEYS, 1024))
                .controllers(controllers)
                .registration(registration)
                .orders(orders)
                .stats(() -> new NodeStats(42, 1, 1, 0, 0, 0, 0, 0))
                .clock(cluster.ticker, cluster.ticker.scheduler())
                .open();
        clients.add(client);
        return client;
    }

    private static Deadline realSoon() {
        return Deadline.after(10, TimeUnit.SECONDS);
    }

    private static OrderResult nothing(NodeOrder order, Deadline deadline) {
        return OrderResult.done(0);
    }

    @Test
    void aControllerThatDoesNotKnowAllYetIsNotTheOnlyOneAsked() {
        try (Cluster knowing = new Cluster()) {
            knowing.ticker.advance(Cluster.LEASE);
            knowing.node("a", Keys.range(0, 10));
            ClusterClient asking = ClusterClient.builder()
                    .controllers(List.of(cluster.controller.address(), knowing.controller.address()))
                    .open();
            clients.add(asking);
            Lookup lookup = Lookup.of(Keys.SCHEME.name(), Keys.range(0, 10), "");

            // the first one has just started and may not have heard from every node
            assertThat(cluster.controller.lookup(lookup).indexComplete()).isFalse();
            assertThat(asking.lookup(lookup, realSoon()).prefixChunks()).isEqualTo(10);

            knowing.controller.close();
            LookupAnswer incomplete = asking.lookup(lookup, realSoon());
            assertThat(incomplete.prefixChunks()).isZero();
            assertThat(incomplete.indexComplete()).isFalse();
        }
    }

    @Test
    void whatANodeAdmitsAnotherNodeFinds() {
        ClusterClient a = client("a", ClusterClientTest::nothing);
        ClusterClient b = client("b", ClusterClientTest::nothing);

        a.admit(Tier.HOST, Keys.range(0, 10));
        assertThat(a.awaitRegistered(realSoon())).isTrue();
        assertThat(a.awaitApplied(realSoon())).isTrue();
        LookupAnswer answer = b.lookup(Lookup.of(Keys.SCHEME.name(), Keys.range(0, 12), "b"), realSoon());

        assertThat(answer.prefixChunks()).isEqualTo(10);
        Holder holder = answer.holders().getFirst();
        assertThat(holder.node().identity())
                .isEqualTo(Cluster.registration("a", 1).identity());
        assertThat(holder.node().addresses()).containsEntry(NodeRegistration.PEER_CONTROL, "a:1");
        assertThat(holder.chunks()).isEqualTo(10);

        a.evict(Tier.HOST, Keys.of(4));
        assertThat(a.awaitApplied(realSoon())).isTrue();
        assertThat(b.lookup(Lookup.of(Keys.SCHEME.name(), Keys.range(0, 12), "b"), realSoon())
                        .prefixChunks())
                .isEqualTo(4);
        assertThat(b.explain(Lookup.of(Keys.SCHEME.name(), Keys.range(0, 12), "b"), realSoon())
                        .firstMissing())
                .isEqualTo(4);
    }

    @Test
    void required_lesson29_aNodeOfAnotherChunkSizeIsToldWhatToChange() {
        cluster.node("a", Keys.of(1));
        KeyScheme smaller = new KeyScheme(Keys.SCHEME.name(), 32, 128);
        ClusterClient other = client(
                Cluster.registration("b", 1, smaller),
                ClusterClientTest::nothing,
                List.of(cluster.controller.address()));

        TransferException refusal =
                catchThrowableOfType(TransferException.class, () -> other.awaitRegistered(realSoon()));

        assertThat(refusal.code()).isEqualTo(TransferErrorCode.INCOMPATIBLE_PEER);
        assertThat(refusal.error().detail()).contains("128 tokens", "256 tokens", "node a", "kvferry.kv.chunk-tokens");
    }

    @Test
    void theClientKeepsTheLeaseAliveAtTheIntervalItWasTold() {
        ClusterClient a = client("a", ClusterClientTest::nothing);
        assertThat(a.awaitRegistered(realSoon())).isTrue();

        for (int i = 1; i <= 20; i++) {
            long before = cluster.counter("keep-alives");
            Await.advancing(
                    "a keepalive",
                    cluster.ticker,
                    Duration.ofMillis(100),
                    () -> cluster.counter("keep-alives") > before);
        }

        assertThat(cluster.state("a")).isEqualTo(NodeState.LIVE);
        assertThat(a.nodes(realSoon()).getFirst().stats().loadPercent()).isEqualTo(42);
    }

    @Test
    void required_lesson26_closeDeliversTheGoodbye() {
        ClusterClient a = client("a", ClusterClientTest::nothing);
        assertThat(a.awaitRegistered(realSoon())).isTrue();

        a.close(realSoon());

        assertThat(cluster.controller.nodes()).isEmpty();
    }

    @Test
    void aReplacedProcessIsToldAndDoesNotComeBack() {
        ClusterClient old =
                client(Cluster.registration("a", 1), ClusterClientTest::nothing, List.of(cluster.controller.address()));
        assertThat(old.awaitRegistered(realSoon())).isTrue();

        ClusterClient restarted =
                client(Cluster.registration("a", 2), ClusterClientTest::nothing, List.of(cluster.controller.address()));

        assertThat(restarted.awaitRegistered(realSoon())).isTrue();
        Await.until("the old process knows", () -> {
            try {
                return !old.awaitRegistered(Deadline.afterNanos(0, cluster.ticker)) && false;
            } catch (TransferException e) {
                return e.code() == TransferErrorCode.PEER_RESTARTED;
            }
        });
        cluster.ticker.advance(Duration.ofSeconds(5));
        assertThat(cluster.controller
                        .nodes()
                        .getFirst()
                        .registration()
                        .identity()
                        .bootId())
                .isEqualTo(2);
    }

    @Test
    void aNodeComesBackToARestartedControllerAndTellsAllItHolds() {
        int port = cluster.controller.address().port();
        ClusterClient a = client("a", ClusterClientTest::nothing);
        a.admit(Tier.HOST, Keys.range(0, 100));
        assertThat(a.awaitRegistered(realSoon())).isTrue();
        assertThat(a.awaitApplied(realSoon())).isTrue();

        cluster.controller.close();
        a.evict(Tier.HOST, Keys.range(50, 100));
        cluster.controller = Controller.open(
                BackendConfig.DEFAULTS.with(ControllerConfigKeys.PORT, port),
                cluster.ticker,
                cluster.ticker.scheduler());

        Await.advancing(
                "the node is back with what it holds now",
                cluster.ticker,
                Duration.ofMillis(20),
                () -> cluster.lookup(Keys.range(0, 100)).prefixChunks() == 50);
    }

    @Test
    void aControllerThatLagsBehindIsSentEverythingAnew() {
        ClusterClient a = client("a", ClusterClientTest::nothing);
        assertThat(a.awaitRegistered(realSoon())).isTrue();

        // far more than may wait
        for (int i = 0; i < 200; i++) {
            a.admit(Tier.HOST, Keys.range(i * 1000L, (i + 1) * 1000L));
        }

        assertThat(a.awaitApplied(realSoon())).isTrue();
        assertThat(cluster.controller.view().indexedChunks()).isEqualTo(200_000);
        assertThat(a.heldChunks()).isEqualTo(200_000);
    }

    @Test
    void everyControllerIsToldAndAnyOfThemAnswers() {
        Controller other = cluster.another();
        try {
            ClusterClient a = client(
                    Cluster.registration("a", 1),
                    ClusterClientTest::nothing,
                    List.of(cluster.controller.address(), other.address()));
            a.admit(Tier.HOST, Keys.range(0, 10));
            Await.until("both know", () -> a.controllers().stream().allMatch(ControllerStatus::synced));

            cluster.controller.close();

            Await.until(
                    "the lost one is noticed", () -> a.controllers().stream().anyMatch(c -> !c.registered()));
            assertThat(a.lookup(Lookup.of(Keys.SCHEME.name(), Keys.range(0, 10), ""), realSoon())
                            .prefixChunks())
                    .isEqualTo(10);
        } finally {
            other.close();
        }
    }

    @Test
    void anOrderReachesItsNodesAndItsResultsCanBeAskedFor() {
        ClusterClient a = client("a", (order, _) -> OrderResult.done(3));
        ClusterClient b = client("b", (_, _) -> {
            throw new TransferException(TransferErrorCode.RESOURCE_EXHAUSTED, Stage.OFFER, "no room for pins");
        });
        assertThat(a.awaitRegistered(realSoon())).isTrue();
        assertThat(b.awaitRegistered(realSoon())).isTrue();

        OrderStatus placed = a.order(
                new OrderRequest(
                        new OrderAction.Pin(Keys.range(0, 3), Duration.ofMinutes(1)), List.of(), Duration.ofSeconds(5)),
                realSoon());
        OrderStatus done = b.order(placed.id(), true, realSoon());

        assertThat(done.isFinished()).isTrue();
        assertThat(done.results().get("a")).isEqualTo(OrderResult.done(3));
        assertThat(done.results().get("b").code()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED);
        assertThat(done.results().get("b").detail()).contains("no room for pins");
        assertThat(done.request().action()).isEqualTo(placed.request().action());
        Await.until("the pin is stored", () -> cluster.controller.view().pins() == 1);
    }

    @Test
    void required_lesson9_aFrozenNodeDelaysNobody() throws InterruptedException {
        CountDownLatch thaw = new CountDownLatch(1);
        ClusterClient frozen = client("a", (_, _) -> {
            try {
                return OrderResult.done(thaw.await(30, TimeUnit.SECONDS) ? 1 : 0);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return OrderResult.done(0);
            }
        });
        ClusterClient healthy = client("b", (_, _) -> OrderResult.done(1));
        assertThat(frozen.awaitRegistered(realSoon())).isTrue();
        assertThat(healthy.awaitRegistered(realSoon())).isTrue();
        List<OrderAction> actions = List.of(
                new OrderAction.Health(),
                new OrderAction.QueryNode(),
                new OrderAction.Clear(Optional.empty()),
                new OrderAction.Clear(Optional.of(Tier.DISK)),
                new OrderAction.Pin(Keys.of(1), Duration.ofSeconds(1)),
                new OrderAction.Unpin(Keys.of(1)));

        for (OrderAction action : actions) {
            OrderStatus placed = healthy.order(new OrderRequest(action, List.of(), Duration.ofSeconds(2)), realSoon());
            Await.until(
                    action.name() + " is done by the healthy node",
                    () -> cluster.controller
                            .order(placed.id())
                            .orElseThrow()
                            .results()
                            .containsKey("b"));
            assertThat(cluster.controller.order(placed.id()).orElseThrow().isFinished())
                    .isFalse();
            cluster.ticker.advance(Duration.ofSeconds(2));
            Await.until(
                    action.name() + " is over",
                    () -> cluster.controller.order(placed.id()).orElseThrow().isFinished());
            OrderStatus over = cluster.controller.order(placed.id()).orElseThrow();
            assertThat(over.results().get("a").code()).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED);
            assertThat(over.results().get("b").isDone()).isTrue();
            Await.until("keepalives go on", () -> cluster.state("a") == NodeState.LIVE);
        }
        thaw.countDown();
    }

    @Test
    void anOrderOfTwoControllersIsCarriedOutOnce() {
        AtomicInteger calls = new AtomicInteger();
        OrderInbox inbox =
                new OrderInbox((_, _) -> OrderResult.done(calls.incrementAndGet()), Thread::startVirtualThread);
        NodeOrder order = new NodeOrder("x", new OrderAction.Health());

        OrderResult first = Await.get("the first answer", inbox.answer(order, realSoon()));
        OrderResult second = Await.get("the second answer", inbox.answer(order, realSoon()));

        assertThat(second).isEqualTo(first);
        assertThat(calls).hasValue(1);
    }

    @Test
    void moveNamesItsDestinationAndGoesToTheOthers() {
        cluster.node("a", Keys.of(1));
        Cluster.TestNode source = cluster.node("b", Keys.of(1));

        OrderStatus placed = cluster.controller.order(
                new OrderRequest(
                        new OrderAction.Move(Keys.of(1), new PeerIdentity("a", 0), Map.of(), true),
                        List.of(),
                        Duration.ofSeconds(5)),
                cluster.soon());

        assertThat(placed.nodes()).containsExactly("b");
        assertThat(placed.request().action().name()).isEqualTo("copy");
        OrderAction.Move move = (OrderAction.Move) placed.request().action();
        assertThat(move.destination()).isEqualTo(new PeerIdentity("a", 1));
        assertThat(move.addresses()).containsEntry(NodeRegistration.PEER_CONTROL, "a:1");
        assertThat(source.link().orders).containsKey(placed.id());
    }

    @Test
    void anOrderForNobodyIsRefused() {
        TransferException refusal = catchThrowableOfType(
                TransferException.class,
                () -> cluster.controller.order(
                        new OrderRequest(new OrderAction.Health(), List.of("nobody"), Duration.ofSeconds(1)),
                        cluster.soon()));

        assertThat(refusal.code()).isEqualTo(TransferErrorCode.NOT_FOUND);
        assertThat(refusal.error().detail()).contains("nobody");
    }

    @Test
    void aQuestionThatNobodyAnswersEndsByItsDeadline() {
        ClusterClient lonely = ClusterClient.builder()
                .controllers(List.of(new PeerAddress("127.0.0.1", 1)))
                .clock(cluster.ticker, cluster.ticker.scheduler())
                .open();
        clients.add(lonely);

        TransferException failure = catchThrowableOfType(
                TransferException.class,
                () -> lonely.lookup(Lookup.of(Keys.SCHEME.name(), Keys.of(1), ""), realSoon()));

        assertThat(failure.code()).isEqualTo(TransferErrorCode.CONTROL_FAILED);
        assertThat(failure.error().detail()).contains("kvferry.cluster.controllers");
    }
}
