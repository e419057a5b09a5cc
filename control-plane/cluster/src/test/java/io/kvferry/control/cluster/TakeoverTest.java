package io.kvferry.control.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.Await;
import io.kvferry.control.cluster.Cluster.TestNode;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.TransferErrorCode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A controller with a file follows itself after it was lost. */
class TakeoverTest {
    private static final Duration TIMEOUT = Duration.ofSeconds(5);

    @TempDir
    private Path folder;

    private Cluster cluster;

    @BeforeEach
    void open() {
        cluster = new Cluster(BackendConfig.DEFAULTS
                .with(ControllerConfigKeys.STORE, "file")
                .with(FileStoreProvider.PATH, folder.resolve("cluster.db").toString()));
    }

    @AfterEach
    void close() {
        cluster.close();
    }

    private void restart() {
        cluster.controller.close();
        cluster.controller = cluster.another();
    }

    @Test
    void membersAreKnownAndTheIndexIsIncompleteUntilTheyHaveToldAgain() {
        cluster.node("a", Keys.range(0, 4));

        restart();

        assertThat(cluster.state("a")).isEqualTo(NodeState.LIVE);
        assertThat(cluster.lookup(Keys.range(0, 4))).isEqualTo(new LookupAnswer(0, List.of(), false));
        assertThat(cluster.explain(Keys.range(0, 4)).detail()).contains("not every node", "a");

        TestNode back = cluster.node("a", Keys.range(0, 4));
        assertThat(cluster.lookup(Keys.range(0, 4)).indexComplete()).isTrue();
        assertThat(cluster.lookup(Keys.range(0, 4)).prefixChunks()).isEqualTo(4);
        assertThat(back.link().ends).isEmpty();
    }

    @Test
    void aMemberThatDoesNotComeBackIsGoneAfterItsLease() {
        cluster.node("a", Keys.of(1));

        restart();
        cluster.ticker.advance(Cluster.LEASE);

        Await.until("it is gone", () -> cluster.state("a") == NodeState.GONE);
    }

    @Test
    void anOrderThatWasNotFinishedIsTakenOverAndGivenToItsNodesAgain() {
        cluster.node("a", Keys.of(1));
        TestNode b = cluster.node("b", Keys.of(1));
        OrderStatus placed = cluster.controller.order(
                new OrderRequest(new OrderAction.Health(), List.of(), TIMEOUT), cluster.soon());
        b.link().orders.get(placed.id()).complete(OrderResult.done(0));

        restart();
        assertThat(cluster.controller.order(placed.id()).orElseThrow().isFinished())
                .isFalse();
        Await.until("it is taken over", () -> cluster.counter("orders-adopted") == 1);
        TestNode again = cluster.node("b", Keys.of(1));

        Await.until("the node has it again", () -> again.link().orders.containsKey(placed.id()));
        again.link().orders.get(placed.id()).complete(OrderResult.done(0));
        cluster.ticker.advance(TIMEOUT);
        Await.until(
                "it is finished",
                () -> cluster.controller.order(placed.id()).orElseThrow().isFinished());
        OrderStatus over = cluster.controller.order(placed.id()).orElseThrow();
        assertThat(over.results().get("b").isDone()).isTrue();
        assertThat(over.results().get("a").code()).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED);
    }

    @Test
    void finishedOrdersAndPinsAreKnownForTheirTime() {
        TestNode node = cluster.node("a", Keys.range(0, 4));
        OrderStatus pin = cluster.controller.order(
                new OrderRequest(new OrderAction.Pin(Keys.range(0, 4), Duration.ofMinutes(1)), List.of("a"), TIMEOUT),
                cluster.soon());
        node.link().orders.get(pin.id()).complete(OrderResult.done(4));
        Await.until("the pin is stored", () -> cluster.controller.view().pins() == 1);

        restart();
        assertThat(cluster.controller.order(pin.id()).orElseThrow().isDone()).isTrue();
        assertThat(cluster.controller.view().pins()).isEqualTo(1);

        cluster.ticker.advance(Duration.ofMinutes(1));
        Await.until("the pin is over", () -> cluster.controller.view().pins() == 0);
        cluster.ticker.advance(Duration.ofMinutes(10));
        Await.until(
                "the order is forgotten",
                () -> cluster.controller.order(pin.id()).isEmpty());
    }

    @Test
    void unpinningTakesChunksFromPins() {
        TestNode node = cluster.node("a", Keys.range(0, 4));
        order(node, new OrderAction.Pin(Keys.range(0, 4), Duration.ofMinutes(1)));
        Await.until("the pin is stored", () -> cluster.controller.view().pins() == 1);

        order(node, new OrderAction.Unpin(Keys.range(0, 2)));
        order(node, new OrderAction.Unpin(Keys.range(2, 4)));

        Await.until("no pin is left", () -> cluster.controller.view().pins() == 0);
    }

    @Test
    void unpinningAtOneOfTwoNodesLeavesThePinOfTheOther() {
        TestNode a = cluster.node("a", Keys.range(0, 4));
        TestNode b = cluster.node("b", Keys.range(0, 4));
        OrderStatus pin = cluster.controller.order(
                new OrderRequest(
                        new OrderAction.Pin(Keys.range(0, 4), Duration.ofMinutes(1)), List.of("a", "b"), TIMEOUT),
                cluster.soon());
        a.link().orders.get(pin.id()).complete(OrderResult.done(4));
        b.link().orders.get(pin.id()).complete(OrderResult.done(4));
        Await.until("the pin is stored", () -> cluster.controller.view().pins() == 1);

        // at a two of four are left, at b all of them
        order(a, new OrderAction.Unpin(Keys.range(0, 2)));
        Await.until("there are two pins", () -> cluster.controller.view().pins() == 2);

        order(a, new OrderAction.Unpin(Keys.range(0, 4)));
        Await.until("that of b is left", () -> cluster.controller.view().pins() == 1);
    }

    private void order(TestNode node, OrderAction action) {
        OrderStatus placed = cluster.controller.order(new OrderRequest(action, List.of("a"), TIMEOUT), cluster.soon());
        Await.until("the node has it", () -> node.link().orders.containsKey(placed.id()));
        node.link().orders.get(placed.id()).complete(OrderResult.done(1));
        Await.get("the order", cluster.controller.whenFinished(placed.id()).orElseThrow());
    }

    @Test
    void anOrderWaitsForANodeWhoseSessionIsLostAndEndsWhenTheNodeIsGone() {
        TestNode a = cluster.node("a", Keys.of(1));
        a.session().close();
        OrderStatus placed = cluster.controller.order(
                new OrderRequest(new OrderAction.Clear(Optional.empty()), List.of("a"), Duration.ofMinutes(5)),
                cluster.soon());

        cluster.ticker.advance(Cluster.LEASE);

        OrderStatus over = Await.get(
                "the order", cluster.controller.whenFinished(placed.id()).orElseThrow());
        assertThat(over.results().get("a").code()).isEqualTo(TransferErrorCode.PEER_LOST);
    }
}
