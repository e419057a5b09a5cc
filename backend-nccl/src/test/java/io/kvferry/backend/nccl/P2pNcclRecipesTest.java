package io.kvferry.backend.nccl;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.Await;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.engine.Lease;
import io.kvferry.engine.Memory;
import io.kvferry.engine.TransferEngine;
import io.kvferry.engine.TransferRequest;
import io.kvferry.spi.TransferId;
import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The page of recipes: each runs as it is printed, on the emulator, and each test that it names exists. */
class P2pNcclRecipesTest {
    private static final String PAGE = read("../docs/recipes/p2p-nccl.md");
    private static final String SOURCE = read("src/test/java/io/kvferry/backend/nccl/P2pNcclRecipes.java");
    private static final int LAYER_BYTES = P2pNcclRecipes.PER_LAYER * P2pNcclRecipes.BLOCK_BYTES;

    private static String read(String file) {
        try {
            return Files.readString(Path.of(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<String> all(String text, String regex) {
        return Pattern.compile(regex, Pattern.MULTILINE | Pattern.DOTALL)
                .matcher(text)
                .results()
                .map((MatchResult match) -> match.group(1))
                .toList();
    }

    /** The settings that the page gives, with the emulator's libraries. */
    private static TransferEngine open(int block) {
        Properties settings = new Properties();
        try {
            settings.load(
                    new StringReader(all(PAGE, "^```properties\n(.*?)^```$").get(block)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        KvFerryConfig.Builder config = KvFerryConfig.builder();
        Emulator.config().forEach(config::set);
        settings.stringPropertyNames().forEach(key -> config.set(key, settings.getProperty(key)));
        return TransferEngine.open(config.build());
    }

    private static byte[] fill(Memory memory, long seed) {
        byte[] bytes = new byte[Math.toIntExact(P2pNcclRecipes.CACHE_BYTES)];
        new Random(seed).nextBytes(bytes);
        memory.write(0, MemorySegment.ofArray(bytes));
        return bytes;
    }

    private static byte[] content(Memory memory) {
        byte[] bytes = new byte[Math.toIntExact(P2pNcclRecipes.CACHE_BYTES)];
        memory.read(0, MemorySegment.ofArray(bytes));
        return bytes;
    }

    @Test
    void thePagePrintsTheCodeThatRuns() {
        List<String> code = all(SOURCE, "^ +// begin\n(.*?)\n +// end$").stream()
                .map(section -> section.stripIndent() + "\n")
                .toList();

        assertThat(all(PAGE, "^```java\n(.*?)^```$")).isNotEmpty().containsExactlyElementsOf(code);
    }

    @Test
    void everyTestThatThePageNamesExists() {
        List<String> rows = all(PAGE, "^\\|([^\n]+)\\|$").stream()
                .filter(row -> !row.contains("---") && !row.startsWith(" in P2pNccl"))
                .toList();

        assertThat(rows)
                .hasSizeGreaterThan(8)
                .allSatisfy(row ->
                        assertThat(all(row, "`(\\w+Test\\.\\w+)`")).as(row).isNotEmpty());
        assertThat(all(PAGE, "`(\\w+Test\\.\\w+)`")).allSatisfy(name -> {
            String[] parts = name.split("\\.", -1);
            assertThat(Stream.of("io.kvferry.backend.nccl.", "io.kvferry.conformance.")
                            .flatMap(owner -> methods(owner + parts[0])))
                    .as(name)
                    .contains(parts[1]);
        });
    }

    private static Stream<String> methods(String type) {
        try {
            return Arrays.stream(Class.forName(type).getDeclaredMethods()).map(method -> method.getName());
        } catch (ClassNotFoundException e) {
            return Stream.empty();
        }
    }

    @Test
    void putMovesAllLayersAtOnce() {
        for (int settings = 0; settings < 2; settings++) {
            try (TransferEngine prefill = open(settings);
                    TransferEngine decode = open(settings)) {
                P2pNcclRecipes.Cache computed = P2pNcclRecipes.cache(prefill);
                P2pNcclRecipes.Cache cache = P2pNcclRecipes.cache(decode);
                byte[] sent = fill(computed.memory(), 1);
                TransferId requestId = TransferId.random();

                Lease lease = P2pNcclRecipes.offer(decode, requestId, cache.blocks());
                P2pNcclRecipes.put(prefill, decode.address(), requestId, computed.blocks());
                P2pNcclRecipes.awaitAll(lease);

                assertThat(content(cache.memory())).isEqualTo(sent);
            }
        }
    }

    /** Prefill computes the last layer only when decode has used the first. */
    @Test
    void putAsyncLetsALayerBeUsedBeforeTheLastIsComputed() {
        try (TransferEngine prefill = open(0);
                TransferEngine decode = open(0)) {
            P2pNcclRecipes.Cache computed = P2pNcclRecipes.cache(prefill);
            P2pNcclRecipes.Cache cache = P2pNcclRecipes.cache(decode);
            TransferId requestId = TransferId.random();
            Lease lease = P2pNcclRecipes.offer(decode, requestId, cache.blocks());
            CountDownLatch firstIsUsed = new CountDownLatch(1);
            CompletableFuture<Boolean> used = Await.start(() -> {
                P2pNcclRecipes.useLayers(lease, layer -> {
                    byte[] bytes = new byte[LAYER_BYTES];
                    cache.memory().read((long) layer * LAYER_BYTES, MemorySegment.ofArray(bytes));
                    assertThat(bytes).containsOnly(layer + 1);
                    firstIsUsed.countDown();
                });
                return true;
            });

            P2pNcclRecipes.putLayers(
                    prefill, TransferRequest.write(requestId, decode.address(), computed.blocks()), layer -> {
                        if (layer == P2pNcclRecipes.LAYERS - 1) {
                            Await.until("the first layer is used", () -> firstIsUsed.getCount() == 0);
                        }
                        byte[] bytes = new byte[LAYER_BYTES];
                        Arrays.fill(bytes, (byte) (layer + 1));
                        computed.memory().write((long) layer * LAYER_BYTES, MemorySegment.ofArray(bytes));
                    });

            assertThat(Await.get("all layers are used", used)).isTrue();
        }
    }

    @Test
    void getReadsAsOftenAsAsked() {
        try (TransferEngine prefill = open(0);
                TransferEngine decode = open(0)) {
            P2pNcclRecipes.Cache computed = P2pNcclRecipes.cache(prefill);
            P2pNcclRecipes.Cache cache = P2pNcclRecipes.cache(decode);
            TransferId requestId = TransferId.random();
            try (Lease _ = P2pNcclRecipes.offerToRead(prefill, requestId, computed.blocks())) {
                for (int attempt = 1; attempt <= 2; attempt++) {
                    byte[] held = fill(computed.memory(), attempt);
                    P2pNcclRecipes.get(decode, prefill.address(), requestId, cache.blocks(), attempt);
                    assertThat(content(cache.memory())).isEqualTo(held);
                }
            }
        }
    }
}
