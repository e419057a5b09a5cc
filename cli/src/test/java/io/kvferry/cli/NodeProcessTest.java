package io.kvferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.ClusterClient;
import io.kvferry.control.cluster.ClusterConfigKeys;
import io.kvferry.control.cluster.NodeView;
import io.kvferry.control.cluster.OrderAction;
import io.kvferry.control.cluster.OrderRequest;
import io.kvferry.control.cluster.OrderStatus;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.node.KvFetch;
import io.kvferry.node.KvNode;
import io.kvferry.node.MissReason;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A controller and a KV node in processes of their own; two more nodes in this one. */
class NodeProcessTest {
    private static final List<String> LAYOUT = List.of(
            "kvferry.kv.layers=2", "kvferry.kv.kv-heads=2", "kvferry.kv.head-dim=64", "kvferry.kv.chunk-tokens=4");
    private static final int[] TOKENS = IntStream.range(0, 12).toArray();

    private final List<RunningCommand> processes = new ArrayList<>();

    @AfterEach
    void stop() {
        processes.reversed().forEach(RunningCommand::close);
    }

    @Test
    void chunksMoveToAProcessAndBackAndItsDeathIsATypedMiss() throws Exception {
        RunningCommand controller = run("controller", "--listen", "127.0.0.1:0");
        String address = controller.await("ready ");
        RunningCommand keeper =
                run("node", "--controllers", address, "--set", "kvferry.node-id=keeper", "--pool", "1MiB");
        keeper.await("ready ");
        PeerAddress http = PeerAddress.parse(keeper.await("http "));

        try (KvNode decode = node(address, "decode");
                ClusterClient client = client(address)) {
            try (KvNode prefill = node(address, "prefill")) {
                prefill.put(TOKENS, (layer, chunk, into) -> into.fill((byte) (layer + 2 * chunk + 1)));
                assertThat(prefill.awaitPublished(soon())).isTrue();
                NodeView destination = await(client, "keeper");
                assertThat(copy(client, prefill.keys(TOKENS), destination).isDone())
                        .isTrue();
            }
            try (KvFetch fetch = fetchAll(decode)) {
                assertThat(fetch.figures().fetchedTokens()).isEqualTo(12);
                for (int chunk = 0; chunk < 3; chunk++) {
                    assertThat(fetch.chunks().layer(chunk, 1).get(ValueLayout.JAVA_BYTE, 77))
                            .isEqualTo((byte) (2 * chunk + 2));
                }
            }
            assertThat(Cli.run("inspect", "--http", http.toString()).out())
                    .contains("node keeper#", " chunks=3 ", "controller " + address + " registered=true", "engine ");
            keeper.signal("USR1");
            keeper.await(line -> line.contains("inspect: node keeper#"));

            keeper.kill();
            try (KvFetch fetch = decode.fetch(IntStream.range(0, 16).toArray(), soon())) {
                assertThat(fetch.figures().localTokens()).isEqualTo(12);
                assertThat(fetch.miss().orElseThrow().reason()).isIn(MissReason.NOT_HELD, MissReason.INDEX_INCOMPLETE);
            }
            Cli gone = Cli.run("inspect", "--http", http.toString());
            assertThat(gone.code()).isEqualTo(ExitCode.FAILED);
            assertThat(gone.err())
                    .contains("CONNECTION_FAILED", http.toString())
                    .hasLineCount(1);
        }
    }

    /** What was copied is in the index soon after the order is done. */
    private static KvFetch fetchAll(KvNode decode) {
        Deadline deadline = soon();
        while (decode.lookup(TOKENS, deadline).hitTokens() < TOKENS.length && !deadline.isExpired()) {
            Thread.onSpinWait();
        }
        return decode.fetch(TOKENS, deadline);
    }

    private static NodeView await(ClusterClient client, String id) {
        Deadline deadline = soon();
        while (!deadline.isExpired()) {
            Optional<NodeView> node = client.nodes(deadline).stream()
                    .filter(view -> view.registration().identity().nodeId().equals(id))
                    .findFirst();
            if (node.isPresent()) {
                return node.get();
            }
        }
        throw new AssertionError(id + " did not register");
    }

    private static OrderStatus copy(ClusterClient client, ChunkKeys keys, NodeView destination) {
        OrderAction action =
                new OrderAction.Move(keys, destination.registration().identity(), Map.of(), true);
        OrderStatus placed = client.order(new OrderRequest(action, List.of("prefill"), Duration.ofSeconds(20)), soon());
        return client.order(placed.id(), true, soon());
    }

    private static KvNode node(String controller, String id) {
        KvFerryConfig.Builder config = KvFerryConfig.builder()
                .set("kvferry.node-id", id)
                .set("kvferry.kv.pool-size", "1MiB")
                .set("kvferry.cluster.controllers", controller);
        LAYOUT.forEach(setting -> config.set(setting.split("=")[0], setting.split("=")[1]));
        return KvNode.builder().config(config).open();
    }

    private static ClusterClient client(String controller) {
        return ClusterClient.builder()
                .config(KvFerryConfig.builder()
                        .keys(ClusterConfigKeys.all())
                        .build()
                        .values())
                .controllers(List.of(PeerAddress.parse(controller)))
                .open();
    }

    private static Deadline soon() {
        return Deadline.after(20, TimeUnit.SECONDS);
    }

    private RunningCommand run(String... arguments) throws IOException {
        List<String> all = new ArrayList<>(List.of(arguments));
        if (arguments[0].equals("node")) {
            LAYOUT.forEach(setting -> all.addAll(List.of("--set", setting)));
        }
        RunningCommand running = RunningCommand.start(all);
        processes.add(running);
        return running;
    }
}
