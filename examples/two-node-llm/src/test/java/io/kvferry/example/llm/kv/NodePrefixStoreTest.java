package io.kvferry.example.llm.kv;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.ControllerConfigKeys;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.example.llm.model.KvCache;
import io.kvferry.example.llm.model.ModelShape;
import io.kvferry.example.llm.model.Transformer;
import io.kvferry.spi.Deadline;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The port on real nodes: a controller, gRPC between the nodes, a backend for the pages. */
class NodePrefixStoreTest {
    private static final ModelShape SHAPE = new ModelShape(2, 2, 16, 32, 64, 600);
    private static final int[] TOKENS = new Random(5).ints(300, 0, 256).toArray();

    private final Transformer model = Transformer.seeded(SHAPE, 1);
    private Controller controller;
    private NodePrefixStore prefill;
    private NodePrefixStore decode;

    @BeforeEach
    void open() {
        controller = Controller.open(KvFerryConfig.builder()
                .keys(ControllerConfigKeys.all())
                .set(ControllerConfigKeys.PORT, 0)
                .build()
                .values());
    }

    private void openNodes(String backend) {
        prefill = node("tiny-1", backend);
        decode = node("tiny-1", backend);
    }

    @AfterEach
    void close() {
        if (decode != null) {
            decode.close();
        }
        if (prefill != null) {
            prefill.close();
        }
        controller.close();
    }

    private NodePrefixStore node(String modelName, String backend) {
        KvFerryConfig.Builder config = KvFerryConfig.builder()
                .set("kvferry.cluster.controllers", controller.address().toString())
                .set("kvferry.backend", backend)
                .set("kvferry.kv.pool-size", "1MiB");
        NodePrefixStore store = NodePrefixStore.open(config, SHAPE, modelName);
        assertThat(store.node().awaitRegistered(soon())).isTrue();
        return store;
    }

    private static Deadline soon() {
        return Deadline.after(Duration.ofSeconds(30));
    }

    @ParameterizedTest
    @ValueSource(strings = {"tcp", "mooncake"})
    void pagesOfAnotherNodeContinueAsIfTheyHadBeenComputedHere(String backend) {
        openNodes(backend);
        KvCache computed = new KvCache(SHAPE);
        float[] expected = model.append(computed, TOKENS);
        assertThat(prefill.publish(TOKENS, computed, soon())).isEqualTo(256);

        KvCache fetched = new KvCache(SHAPE);
        Prefix prefix = decode.fetch(TOKENS, fetched, soon());

        assertThat(prefix).isEqualTo(new Prefix(256, 256, ""));
        float[] scores = model.append(fetched, Arrays.copyOfRange(TOKENS, 256, TOKENS.length));
        assertThat(scores).containsExactly(expected);
        assertThat(decode.metrics())
                .contains(
                        "lmcache:num_lookup_tokens_total 300\n",
                        "lmcache:num_lookup_hits_total 256\n",
                        "lmcache:num_p2p_transferred_tokens_total 256\n");
    }

    @Test
    void whatWasFetchedIsHereTheNextTime() {
        openNodes("tcp");
        KvCache computed = new KvCache(SHAPE);
        var ignored = model.append(computed, TOKENS);
        prefill.publish(TOKENS, computed, soon());
        decode.fetch(TOKENS, new KvCache(SHAPE), soon());

        assertThat(decode.fetch(TOKENS, new KvCache(SHAPE), soon())).isEqualTo(new Prefix(256, 0, ""));
    }

    @Test
    void anotherModelFindsNothing() {
        openNodes("tcp");
        KvCache computed = new KvCache(SHAPE);
        var ignored = model.append(computed, TOKENS);
        prefill.publish(TOKENS, computed, soon());

        try (NodePrefixStore other = node("tiny-2", "tcp")) {
            assertThat(other.fetch(TOKENS, new KvCache(SHAPE), soon())).isEqualTo(Prefix.NONE);
        }
    }
}
