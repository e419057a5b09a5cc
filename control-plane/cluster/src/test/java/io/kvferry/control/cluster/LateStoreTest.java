package io.kvferry.control.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvferry.conformance.Await;
import io.kvferry.control.cluster.Cluster.TestNode;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A store that loses writes, or answers too late. */
class LateStoreTest {
    private final Cluster cluster =
            new Cluster(BackendConfig.DEFAULTS.with(ControllerConfigKeys.STORE, LateStoreProvider.NAME));
    private final Set<String> stored = ConcurrentHashMap.newKeySet();

    @AfterEach
    void close() {
        LateStoreProvider.LATE.set(0);
        LateStoreProvider.LOST.set(0);
        cluster.close();
    }

    private OrderStatus place() {
        return cluster.controller.order(
                new OrderRequest(new OrderAction.Health(), List.of("a"), Duration.ofSeconds(30)), cluster.soon());
    }

    private void watchOrders() {
        cluster.controller
                .store()
                .watch(
                        Orders.PREFIX,
                        new StoreListener() {
                            @Override
                            public void written(StoreEntry entry) {
                                stored.add(entry.key());
                            }

                            @Override
                            public void removed(String key, long revision) {
                                stored.remove(key);
                            }
                        },
                        cluster.soon());
    }

    @Test
    void anOrderThatWasRefusedIsNotCarriedOutSomeDay() {
        TestNode node = cluster.node("a", Keys.of(1));
        watchOrders();
        LateStoreProvider.LATE.set(1);

        assertThatThrownBy(this::place)
                .isInstanceOfSatisfying(
                        TransferException.class,
                        e -> assertThat(e.code()).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED));

        Await.until("it is taken out of the store", stored::isEmpty);
        assertThat(node.link().orders).isEmpty();
        assertThat(cluster.controller.view().openOrders()).isZero();
    }

    @Test
    void anOrderWhoseEndCouldNotBeStoredIsStoredLater() {
        TestNode node = cluster.node("a", Keys.of(1));
        OrderStatus placed = place();
        Await.until("the node has it", () -> node.link().orders.containsKey(placed.id()));
        LateStoreProvider.LOST.set(1);
        node.link().orders.get(placed.id()).complete(OrderResult.done(1));

        assertThat(Await.get(
                                "the order",
                                cluster.controller.whenFinished(placed.id()).orElseThrow())
                        .isDone())
                .isTrue();
        Await.until("the write is lost", () -> LateStoreProvider.LOST.get() == 0);
        // the order is kept for its time, which begins when it is stored, and no longer
        Await.advancing("it is forgotten", cluster.ticker, Duration.ofSeconds(5), () -> {
            node.keepAlive();
            return cluster.controller.order(placed.id()).isEmpty();
        });
    }
}
