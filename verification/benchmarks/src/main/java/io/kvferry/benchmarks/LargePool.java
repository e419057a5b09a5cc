package io.kvferry.benchmarks;

import io.kvferry.control.cluster.Controller;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.node.KvChunks;
import io.kvferry.node.KvFetch;
import io.kvferry.node.KvNode;
import io.kvferry.node.PutResult;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Ticker;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.stream.IntStream;

/**
 * Two nodes whose pools are larger than 2 GiB: what lies beyond is written, moved and compared, every byte of it. Takes twice the
 * memory of a pool.
 */
final class LargePool {
    private static final int CHUNK_TOKENS = 256;
    private static final int LAYERS = 4;
    /** Of 8 heads of 128 numbers of two bytes, keys and values. */
    private static final int LAYER_BYTES = 2 * 8 * 128 * 2 * CHUNK_TOKENS;

    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private LargePool() {}

    /** Fills a pool with so many chunks of 4 MiB and fetches all of them to another node. */
    static String run(Controller controller, int chunks) {
        int[] prompt = IntStream.range(0, chunks * CHUNK_TOKENS).toArray();
        long poolBytes = (long) (chunks + 1) * LAYERS * LAYER_BYTES;
        try (KvNode prefill = node(controller, "prefill", poolBytes);
                KvNode decode = node(controller, "decode", poolBytes)) {
            check(prefill.awaitRegistered(soon()) && decode.awaitRegistered(soon()), "a node is not registered");
            PutResult put = prefill.put(prompt, LargePool::fill);
            check(put.storedTokens() == prompt.length, "not all was stored: " + put);
            check(prefill.awaitPublished(soon()), "it was not published");
            long start = Ticker.system().nanos();
            try (KvFetch fetch = decode.fetch(prompt, soon())) {
                double nanos = Ticker.system().nanos() - start;
                check(fetch.figures().fetchedTokens() == prompt.length, fetch.miss() + " " + fetch.failures());
                compare(fetch.chunks());
                long bytes = fetch.figures().fetchedBytes();
                return "%s GiB in %s chunks put, fetched over tcp at %s GB/s, every byte right (pools above 2 GiB)"
                        .formatted(Summary.digits((double) bytes / (1L << 30)), chunks, Summary.digits(bytes / nanos));
            }
        }
    }

    private static KvNode node(Controller controller, String id, long poolBytes) {
        return KvNode.builder()
                .config(KvFerryConfig.builder()
                        .set("kvferry.backend", "tcp")
                        .set("kvferry.peer.port", "0")
                        .set("kvferry.node-id", id)
                        .set("kvferry.cluster.controllers", controller.address().toString())
                        .set("kvferry.kv.pool-size", String.valueOf(poolBytes))
                        .set("kvferry.kv.chunk-tokens", String.valueOf(CHUNK_TOKENS))
                        .set("kvferry.kv.layers", String.valueOf(LAYERS))
                        .set("kvferry.kv.kv-heads", "8")
                        .set("kvferry.kv.head-dim", "128")
                        .set("kvferry.kv.data-type", "f16"))
                .open();
    }

    /** No two layers begin alike. */
    private static void fill(int layer, int chunk, MemorySegment into) {
        long first = ((long) chunk << Integer.SIZE) | ((long) layer << 24);
        for (long at = 0; at < into.byteSize(); at += Long.BYTES) {
            into.set(ValueLayout.JAVA_LONG_UNALIGNED, at, first + at);
        }
    }

    private static void compare(KvChunks chunks) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment expected = arena.allocate(LAYER_BYTES);
            for (int chunk = 0; chunk < chunks.size(); chunk++) {
                for (int layer = 0; layer < LAYERS; layer++) {
                    fill(layer, chunk, expected);
                    long wrong = chunks.layer(chunk, layer).mismatch(expected);
                    check(wrong == -1, "byte " + wrong + " of layer " + layer + " of chunk " + chunk + " is wrong");
                }
            }
        }
    }

    private static Deadline soon() {
        return Deadline.after(PATIENCE);
    }

    private static void check(boolean right, String otherwise) {
        if (!right) {
            throw new IllegalStateException(otherwise);
        }
    }
}
