package io.kvferry.node;

import io.kvferry.conformance.Await;
import io.kvferry.conformance.FakeNetwork;
import io.kvferry.conformance.FakeTicker;
import io.kvferry.conformance.FaultPlan;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.spi.Deadline;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;

/** Nodes on one clock, one network and one directory that a test controls. A chunk is 4 tokens and 2 layers. */
final class NodeBed implements AutoCloseable {
    static final int CHUNK = 4;
    static final int LAYERS = 2;
    static final KvLayout LAYOUT = new KvLayout(LAYERS, 2, 64, KvDataType.F16, PageOrder.TOKENS_FIRST);

    final FakeTicker ticker = new FakeTicker();
    /** Its faults count what passes from the first rule on, also one for nothing. */
    final FakeNetwork network = FakeNetwork.create(FaultPlan.seeded().always("nothing", FaultPlan.Action.PASS));

    final SharedDirectory directory = new SharedDirectory();
    final StallingBackend backend = new StallingBackend();
    private final List<KvNode> nodes = new ArrayList<>();

    KvNode open(String id) {
        return open(id, Map.of());
    }

    KvNode open(String id, Map<String, String> settings) {
        KvFerryConfig.Builder config = KvFerryConfig.builder()
                .provider(backend)
                .provider(network.provider())
                .set("kvferry.backend", backend.name())
                .set("kvferry.peer-control", "fake")
                .set("kvferry.node-id", id)
                .set("kvferry.kv.pool-size", "64KiB")
                .set("kvferry.kv.chunk-tokens", String.valueOf(CHUNK))
                .set("kvferry.kv.layers", String.valueOf(LAYERS))
                .set("kvferry.kv.kv-heads", "2")
                .set("kvferry.kv.head-dim", "64")
                .set("kvferry.kv.data-type", "f16");
        settings.forEach(config::set);
        KvNode node = KvNode.builder()
                .config(config)
                .ticker(ticker, ticker.scheduler())
                .directory(directory::open)
                .open();
        nodes.add(node);
        return node;
    }

    Deadline in(int seconds) {
        return ticker.in(Duration.ofSeconds(seconds));
    }

    /** How many requests nodes have sent to each other. */
    int requests() {
        return network.faults().occurrences("hello.request") + network.faults().occurrences("notify.request");
    }

    /** Tokens of so many chunks. */
    static int[] prompt(int chunks) {
        return IntStream.range(100, 100 + chunks * CHUNK).toArray();
    }

    /** What a layer of a chunk of every prompt is filled with. */
    static byte content(int layer, int chunk) {
        return (byte) (1 + layer + LAYERS * chunk);
    }

    static void fill(int layer, int chunk, MemorySegment into) {
        into.fill(content(layer, chunk));
    }

    static boolean isRight(KvChunks chunks) {
        return IntStream.range(0, chunks.size())
                .allMatch(chunk -> IntStream.range(0, LAYERS)
                        .allMatch(layer -> isRight(layer, chunk, chunks.layer(chunk, layer))));
    }

    static boolean isRight(int layer, int chunk, MemorySegment block) {
        for (long i = 0; i < block.byteSize(); i++) {
            if (block.get(ValueLayout.JAVA_BYTE, i) != content(layer, chunk)) {
                return false;
            }
        }
        return true;
    }

    /** Calls what waits for time to pass, and lets it pass until it is back. */
    private <T> T whileTimePasses(String what, Callable<T> call) {
        CompletableFuture<T> result = Await.start(call);
        Await.advancing(what, ticker, Duration.ofMillis(100), result::isDone);
        return Await.get(what, result);
    }

    @Override
    public void close() {
        network.heal();
        for (KvNode node : nodes) {
            whileTimePasses("close", () -> node.close(in(60)));
        }
    }
}
