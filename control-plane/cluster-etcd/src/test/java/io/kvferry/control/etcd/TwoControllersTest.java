package io.kvferry.control.etcd;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.ClusterClient;
import io.kvferry.control.cluster.KeyScheme;
import io.kvferry.control.cluster.Lookup;
import io.kvferry.control.cluster.LookupAnswer;
import io.kvferry.control.cluster.NodeRegistration;
import io.kvferry.control.cluster.NodeState;
import io.kvferry.control.cluster.NodeView;
import io.kvferry.control.cluster.OrderAction;
import io.kvferry.control.cluster.OrderRequest;
import io.kvferry.control.cluster.OrderResult;
import io.kvferry.control.cluster.OrderStatus;
import io.kvferry.control.cluster.Tier;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerIdentity;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two controllers share an etcd; one of them is killed. */
class TwoControllersTest {
    private static final Duration LEASE = Duration.ofSeconds(4);
    private static final Duration PATIENCE = Duration.ofSeconds(40);
    private static final KeyScheme SCHEME = new KeyScheme("test", 8, 256);
    private static final int NODES = 4;

    private static Deadline soon() {
        return Deadline.after(PATIENCE);
    }

    /** The chain of a node: nobody else's. */
    private static ChunkKeys chain(int node) {
        List<byte[]> keys = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            byte[] key = new byte[SCHEME.keyBytes()];
            key[0] = (byte) node;
            key[1] = (byte) i;
            keys.add(key);
        }
        return ChunkKeys.of(keys);
    }

    private static ClusterClient client(PeerAddress... controllers) {
        return ClusterClient.builder().controllers(List.of(controllers)).open();
    }

    private static void await(String what, BooleanSupplier condition) {
        Deadline deadline = soon();
        while (!condition.getAsBoolean()) {
            assertThat(deadline.isExpired()).as(what).isFalse();
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
        }
    }

    @Test
    void killingOneControllerLosesNoNodeNoChunkAndNoOrder(@TempDir Path folder) throws Exception {
        CountDownLatch slowNode = new CountDownLatch(1);
        List<ClusterClient> nodes = new ArrayList<>();
        try (EtcdServer etcd = EtcdServer.start(folder);
                ControllerProcess first = ControllerProcess.start(etcd.endpoint(), LEASE);
                ControllerProcess second = ControllerProcess.start(etcd.endpoint(), LEASE);
                ClusterClient atFirst = client(first.address());
                ClusterClient atBoth = client(first.address(), second.address());
                ClusterClient atSecond = client(second.address())) {
            for (int i = 0; i < NODES; i++) {
                nodes.add(node(i, slowNode, first.address(), second.address()));
            }
            nodes.add(node(NODES, slowNode, first.address()));
            for (ClusterClient node : nodes) {
                assertThat(node.awaitApplied(soon())).isTrue();
            }
            await("both know all chunks", () -> allFound(atFirst) && allFound(atSecond));
            OrderStatus order = atFirst.order(
                    new OrderRequest(
                            new OrderAction.Health(), List.of("node-0", "node-1", "node-2", "node-3"), PATIENCE),
                    soon());

            first.kill();

            assertThat(allFound(atBoth)).as("the other one answers at once").isTrue();
            slowNode.countDown();
            OrderStatus finished = atSecond.order(order.id(), true, soon());
            assertThat(finished.isDone()).as("%s", finished).isTrue();
            assertThat(finished.results()).hasSize(NODES);
            // once the node that only the dead one knew is gone, leases of before are over; the others live
            await("its lease ends", () -> atSecond.nodes(soon()).size() == NODES);
            assertThat(atSecond.nodes(soon()))
                    .hasSize(NODES)
                    .extracting(NodeView::state)
                    .containsOnly(NodeState.LIVE);
            assertThat(allFound(atSecond)).isTrue();
        } finally {
            nodes.forEach(ClusterClient::close);
        }
    }

    private static ClusterClient node(int number, CountDownLatch slowNode, PeerAddress... controllers) {
        String id = "node-" + number;
        ClusterClient node = ClusterClient.builder()
                .controllers(List.of(controllers))
                .registration(NodeRegistration.of(new PeerIdentity(id, number), "127.0.0.1:1", SCHEME))
                .orders((order, deadline) -> {
                    if (number == 0) {
                        awaitLatch(slowNode, deadline);
                    }
                    return OrderResult.done(number);
                })
                .open();
        node.admit(Tier.HOST, chain(number));
        assertThat(node.awaitRegistered(soon())).isTrue();
        return node;
    }

    private static void awaitLatch(CountDownLatch latch, Deadline deadline) {
        try {
            assertThat(latch.await(Math.max(0, deadline.remainingNanos()), TimeUnit.NANOSECONDS))
                    .isTrue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static boolean allFound(ClusterClient client) {
        for (int i = 0; i < NODES; i++) {
            LookupAnswer answer = client.lookup(Lookup.of(SCHEME.name(), chain(i), ""), soon());
            if (answer.prefixChunks() != 10 || !answer.indexComplete()) {
                return false;
            }
        }
        return true;
    }
}
