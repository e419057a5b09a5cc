package io.kvferry.node;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.engine.KvFerryConfig;
import io.kvferry.spi.Deadline;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What docs/kv-node.md shows is what is compiled and run here. */
class KvNodePageTest {
    private static final Path PAGE = Path.of("..", "docs", "kv-node.md");
    private static final Path SOURCE = Path.of("src", "test", "java", "io", "kvferry", "node", "KvNodePageTest.java");

    private final List<MemorySegment> used = new ArrayList<>();
    private final List<Miss> explained = new ArrayList<>();

    @Test
    void everySnippetOfThePageIsOneOfThese() throws IOException {
        String source = Files.readString(SOURCE);
        List<String> compiled = Pattern.compile("^ *// begin\\n(.*?)^ *// end\\n", Pattern.MULTILINE | Pattern.DOTALL)
                .matcher(source)
                .results()
                .map(match -> match.group(1).stripTrailing().stripIndent() + "\n")
                .toList();
        List<String> shown = Pattern.compile("^```java\\n(.*?)^```$", Pattern.MULTILINE | Pattern.DOTALL)
                .matcher(Files.readString(PAGE))
                .results()
                .map(match -> match.group(1))
                .toList();

        assertThat(shown).isEqualTo(compiled);
    }

    @Test
    void aNodeFindsAgainWhatWasPut() {
        int[] tokens = IntStream.range(0, 256).toArray();
        int[] prompt = IntStream.range(0, 600).toArray();

        firstExample(tokens, prompt);

        assertThat(used).hasSize(1);
        assertThat(used.getFirst().get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 7);
        assertThat(explained).singleElement().satisfies(miss -> {
            // the snippet names no controller, so nobody else can be asked
            assertThat(miss.reason()).isEqualTo(MissReason.NO_CONTROLLER);
            assertThat(miss.chunk()).isEqualTo(1);
        });
    }

    private void firstExample(int[] tokens, int[] prompt) {
        // begin
        KvFerryConfig.Builder config =
                KvFerryConfig.builder().set("kvferry.kv.model", "llama-3.1-8b").set("kvferry.kv.pool-size", "64MiB");
        try (KvNode node = KvNode.builder().config(config).open()) {
            node.put(tokens, (layer, chunk, into) -> into.copyFrom(cache(layer, chunk)));
            try (KvFetch fetch = node.fetch(prompt, node.defaultDeadline())) {
                use(fetch.chunks()); // not evicted before close()
                fetch.miss().ifPresent(this::explain); // why there is no chunk after these
            }
        }
        // end
    }

    private static MemorySegment cache(int layer, int chunk) {
        byte[] bytes = new byte[1 << 20];
        Arrays.fill(bytes, (byte) (7 + layer + chunk));
        return MemorySegment.ofArray(bytes);
    }

    private void use(KvChunks chunks) {
        used.add(MemorySegment.ofArray(chunks.chunk(0).asSlice(0, 1).toArray(ValueLayout.JAVA_BYTE)));
    }

    private void explain(Miss miss) {
        explained.add(miss);
    }

    /** Every head carries its number, so each must be found where the target's rank has it. */
    @ParameterizedTest
    @CsvSource({"4, 1", "4, 2", "1, 2", "2, 4", "2, 2"})
    void aRankFetchesItsHeadsFromRanksOfAnotherSplit(int sourceRanks, int targetRanks) {
        try (NodeBed bed = new NodeBed()) {
            for (int rank = 0; rank < sourceRanks; rank++) {
                int first = rank;
                KvLayout layout = layout(8 / sourceRanks);
                bed.open("prefill-" + rank, settings(rank, sourceRanks))
                        .put(NodeBed.prompt(3), (layer, chunk, into) -> fill(into, layer, chunk, first, layout));
            }
            for (int rank = 0; rank < targetRanks; rank++) {
                int own = rank;
                TensorParallelMap map = new TensorParallelMap(8, sourceRanks, targetRanks);
                Map<Integer, KvNode> sources = new HashMap<>();
                map.parts(rank)
                        .forEach(part -> sources.put(
                                part.sourceRank(),
                                bed.open(
                                        "decode-" + own + "-from-" + part.sourceRank(),
                                        settings(part.sourceRank(), sourceRanks))));
                KvLayout target = layout(8 / targetRanks);
                MemorySegment cache = MemorySegment.ofArray(new byte[(int) (3 * target.chunkBytes(NodeBed.CHUNK))]);

                int usable = fetchFromRanks(map, rank, sources, target, NodeBed.prompt(4), cache, bed.in(20));

                assertThat(usable).isEqualTo(3 * NodeBed.CHUNK);
                MemorySegment expected = MemorySegment.ofArray(new byte[(int) cache.byteSize()]);
                for (int chunk = 0; chunk < 3; chunk++) {
                    for (int layer = 0; layer < NodeBed.LAYERS; layer++) {
                        fill(layerOf(expected, target, chunk, layer), layer, chunk, rank, target);
                    }
                }
                assertThat(cache.mismatch(expected)).isEqualTo(-1);
            }
        }
    }

    private static int fetchFromRanks(
            TensorParallelMap map,
            int rank,
            Map<Integer, KvNode> sources,
            KvLayout target,
            int[] prompt,
            MemorySegment cache,
            Deadline deadline) {
        // begin
        int usable = Integer.MAX_VALUE;
        for (TensorParallelMap.Part part : map.parts(rank)) {
            KvNode source = sources.get(part.sourceRank());
            int tokens = source.scheme().chunkTokens();
            List<TensorParallelMap.Run> runs = map.runs(part, source.layout(), target, tokens);
            try (KvFetch fetch = source.fetch(prompt, deadline)) {
                for (int chunk = 0; chunk < fetch.chunks().size(); chunk++) {
                    for (int layer = 0; layer < target.layers(); layer++) {
                        MemorySegment from = fetch.chunks().layer(chunk, layer);
                        MemorySegment into = layerOf(cache, target, chunk, layer);
                        for (TensorParallelMap.Run run : runs) {
                            MemorySegment.copy(from, run.sourceOffset(), into, run.targetOffset(), run.bytes());
                        }
                    }
                }
                // what one rank misses nobody can use
                usable = Math.min(usable, fetch.figures().hitTokens());
            }
        }
        // end
        return usable;
    }

    private static MemorySegment layerOf(MemorySegment cache, KvLayout layout, int chunk, int layer) {
        return cache.asSlice(
                chunk * layout.chunkBytes(NodeBed.CHUNK) + layer * layout.layerBytes(NodeBed.CHUNK),
                layout.layerBytes(NodeBed.CHUNK));
    }

    private static KvLayout layout(int heads) {
        return new KvLayout(NodeBed.LAYERS, heads, 64, KvDataType.F16, PageOrder.HEADS_FIRST);
    }

    private static Map<String, String> settings(int rank, int ranks) {
        return Map.of(
                "kvferry.kv.kv-heads",
                String.valueOf(8 / ranks),
                "kvferry.kv.page-order",
                "heads-first",
                "kvferry.kv.rank",
                String.valueOf(rank),
                "kvferry.kv.ranks",
                String.valueOf(ranks),
                "kvferry.kv.pool-size",
                "128KiB");
    }

    /** Keys of all heads, then values of all heads; a head's bytes say which it is. */
    private static void fill(MemorySegment into, int layer, int chunk, int rank, KvLayout layout) {
        long headBytes = into.byteSize() / 2 / layout.kvHeads();
        for (int plane = 0; plane < 2; plane++) {
            for (int head = 0; head < layout.kvHeads(); head++) {
                int number = rank * layout.kvHeads() + head;
                into.asSlice((plane * layout.kvHeads() + head) * headBytes, headBytes)
                        .fill((byte) (number + 8 * (plane + 2 * (layer + NodeBed.LAYERS * chunk))));
            }
        }
    }

    /** The same tokens, the same layout, other heads. */
    @Test
    void chunksOfOneRankAreNeverTakenForThoseOfAnother() {
        try (NodeBed bed = new NodeBed()) {
            bed.open("prefill-0", settings(0, 2)).put(NodeBed.prompt(2), NodeBed::fill);
            KvNode other = bed.open("decode-1", settings(1, 2));

            try (KvFetch fetch = other.fetch(NodeBed.prompt(2), bed.in(1))) {
                assertThat(fetch.figures().hitTokens()).isZero();
                assertThat(fetch.miss().orElseThrow().reason()).isEqualTo(MissReason.NOT_HELD);
            }
        }
    }
}
