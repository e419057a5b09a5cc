package io.kvferry.control.lmcache;

import static io.kvferry.control.lmcache.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.ControllerConfigKeys;
import io.kvferry.control.cluster.HttpExtension;
import io.kvferry.control.cluster.KeyScheme;
import io.kvferry.control.cluster.Lookup;
import io.kvferry.control.cluster.NodeLink;
import io.kvferry.control.cluster.NodeOrder;
import io.kvferry.control.cluster.NodeRegistration;
import io.kvferry.control.cluster.NodeSession;
import io.kvferry.control.cluster.OrderAction;
import io.kvferry.control.cluster.OrderResult;
import io.kvferry.control.cluster.Tier;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The paths of lmcache_controller, over workers of LMCache and nodes of KVFerry. */
@Timeout(180)
class LmCacheHttpTest {
    private static final String CPU = "LocalCPUBackend";
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final Controller controller = Controller.open(BackendConfig.DEFAULTS
            .with(ControllerConfigKeys.PORT, 0)
            .with(ControllerConfigKeys.LEASE, Duration.ofMinutes(10)));
    /** One token a chunk, whose key it is. */
    private final LmCacheFront front = LmCacheFront.open(
            controller,
            BackendConfig.DEFAULTS.with(LmCacheConfigKeys.CHUNK_SIZE, 1),
            tokens -> HeldChunks.packed(
                    java.util.Arrays.stream(tokens).asLongStream().toArray()));

    @AfterEach
    void close() {
        front.close();
        controller.close();
    }

    private Map<?, ?> post(String path, String body) throws Exception {
        return answer("POST", path, Map.of(), body, PATIENCE);
    }

    private Map<?, ?> answer(String method, String path, Map<String, String> query, String body, Duration time)
            throws Exception {
        HttpExtension.Endpoint endpoint = new HttpExtension.Endpoint(method, path);
        assertThat(front.http().endpoints()).contains(endpoint);
        HttpExtension.Answer answer =
                front.http().answer(endpoint, query, body.getBytes(StandardCharsets.UTF_8), Deadline.after(time));
        assertThat(answer.status()).isEqualTo(200);
        return MessageCodec.jsonMap(answer.json());
    }

    private CompletableFuture<Map<?, ?>> posting(String path, String body) {
        return CompletableFuture.supplyAsync(() -> {
            try {
                return post(path, body);
            } catch (RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        });
    }

    private TestWorker worker(String instance, String url, long... keys) throws Exception {
        TestWorker worker = new TestWorker(front, instance, 0);
        worker.register(url);
        worker.admit(CPU, 1, keys);
        eventually(() -> controller.nodes().stream()
                .anyMatch(node -> node.registration().instance().equals(instance) && node.chunks() == keys.length));
        return worker;
    }

    /** A node of KVFerry that holds chunks of the same scheme and does what it is told. */
    private Queue<OrderAction> node(String id, long... keys) {
        Queue<OrderAction> orders = new ConcurrentLinkedQueue<>();
        NodeLink link = new NodeLink() {
            @Override
            public CompletionStage<OrderResult> send(NodeOrder order, Deadline deadline) {
                orders.add(order.action());
                return CompletableFuture.completedFuture(OrderResult.done(keys.length));
            }

            @Override
            public void requestSync(String reason) {}

            @Override
            public void end(TransferErrorCode code, String detail) {}
        };
        NodeSession session = controller.connect(
                NodeRegistration.of(new PeerIdentity(id, 7), "10.0.0.9:7400", new KeyScheme("lmcache", 8, 1)),
                link,
                Deadline.after(PATIENCE));
        session.takeOrders();
        session.beginSync();
        session.addToSync(Tier.DEVICE, HeldChunks.packed(keys));
        assertThat(session.finishSync(Optional.empty())).isTrue();
        return orders;
    }

    @Test
    void oneLookUpFindsWorkersAndNodes() throws Exception {
        try (TestWorker _ = worker("a", "h:0", 11, 12)) {
            node("native", 11, 12, 13);

            Map<?, ?> found = post("/lookup", "{\"tokens\":[11,12,13,14]}");
            assertThat(found.get("layout_info").toString())
                    .isEqualTo("{a=[LocalCPUBackend, 2], native=[GPUBackend, 3]}");
            assertThat(found.get("event_id").toString()).startsWith("Lookup");
            assertThat(post("/lookup", "{\"tokens\":[99]}").get("layout_info")).isEqualTo(Map.of());
            assertThat(post("/lookup", "{\"hashes\":[11]}").get("layout_info").toString())
                    .contains("a=", "native=");
        }
    }

    @Test
    void oneListHasWorkersAndNodes() throws Exception {
        try (TestWorker _ = worker("a", "h:0", 11, 12)) {
            node("native", 11);

            Map<?, ?> all = answer("GET", "/controller/workers", Map.of(), "", PATIENCE);
            assertThat(all.get("total_count")).isEqualTo(2L);
            assertThat(all.get("workers").toString())
                    .contains(
                            "instance_id=a, worker_id=0, ip=127.0.0.1",
                            "key_count=2",
                            "instance_id=native",
                            "key_count=1");
            assertThat(answer("GET", "/controller/workers", Map.of("instance_id", "a", "worker_id", "0"), "", PATIENCE)
                            .get("peer_init_url"))
                    .isEqualTo("h:0");
            assertThat(post("/query_worker_info", "{\"instance_id\":\"a\"}")
                            .get("worker_infos")
                            .toString())
                    .contains("worker_id=0", "registration_time=");
            assertThat(post("/query_instance", "{\"event_id\":\"e\",\"ip\":\"127.0.0.1\"}"))
                    .isEqualTo(Map.of("event_id", "e", "res", "a"));
            assertThat(post("/query_instance", "{\"ip\":\"10.0.0.9\"}").get("res"))
                    .isEqualTo("native");
        }
    }

    @Test
    void aPinGoesToWorkersByTokensAndToNodesByKeys() throws Exception {
        try (TestWorker worker = worker("a", "h:0", 11)) {
            Queue<OrderAction> orders = node("native", 11);
            CompletableFuture<Map<?, ?>> pin =
                    posting("/pin", "{\"instance_id\":\"a\",\"location\":\"LocalCPUBackend\",\"tokens\":[11]}");
            Message asked = worker.answer(Message.of(MessageType.PIN_WORKER_RET, 1L));

            assertThat(asked.values()).containsEntry("tokens", List.of(11L)).containsEntry("location", CPU);
            assertThat(pin.get().get("num_tokens")).isEqualTo(1L);
            assertThat(post("/check_finish", "{\"event_id\":\"" + pin.get().get("event_id") + "\"}")
                            .get("status"))
                    .isEqualTo("finished");
            assertThat(post("/pin", "{\"instance_id\":\"native\",\"location\":\"x\",\"tokens\":[11]}")
                            .get("num_tokens"))
                    .isEqualTo(1L);
            assertThat(orders).singleElement().isInstanceOf(OrderAction.Pin.class);
        }
    }

    @Test
    void compressingAllIsAskedWithNil() throws Exception {
        try (TestWorker worker = worker("a", "h:0", 11)) {
            String body =
                    "{\"instance_id\":\"a\",\"method\":\"cachegen\",\"location\":\"LocalCPUBackend\",\"tokens\":[]}";
            CompletableFuture<Map<?, ?>> compress = posting("/compress", body);
            Message asked = worker.answer(Message.of(MessageType.COMPRESS_WORKER_RET, 256L));
            assertThat(asked.values()).containsEntry("tokens", null).containsEntry("method", "cachegen");
            assertThat(compress.get().get("num_tokens")).isEqualTo(256L);

            CompletableFuture<Map<?, ?>> decompress = posting("/decompress", body);
            assertThat(worker.answer(Message.of(MessageType.DECOMPRESS_WORKER_RET, 256L))
                            .type())
                    .isEqualTo(MessageType.DECOMPRESS_WORKER);
            assertThat(decompress.get().get("num_tokens")).isEqualTo(256L);
            node("native", 11);
            refused(TransferErrorCode.UNSUPPORTED, "/compress", body.replace("\"a\"", "\"native\""));
        }
    }

    @Test
    void aMoveTellsTheSourceWhereToSend() throws Exception {
        try (TestWorker source = worker("a", "10.0.0.1:8200", 11);
                TestWorker _ = worker("b", "10.0.0.2:8200", 12);
                TestWorker _ = worker("c", null, 13)) {
            String body = "{\"old_position\":[\"a\",\"LocalCPUBackend\"],\"new_position\":[\"%s\",\"LocalCPUBackend\"],"
                    + "\"tokens\":[11],\"should_copy\":true}";
            CompletableFuture<Map<?, ?>> move = posting("/move", body.formatted("b"));
            Message asked = source.answer(Message.of(MessageType.MOVE_WORKER_RET, 1L));

            assertThat(asked.values())
                    .containsEntry("old_position", CPU)
                    .containsEntry("new_position", List.of("10.0.0.2:8200", CPU))
                    .containsEntry("copy", true);
            assertThat(move.get().get("num_tokens")).isEqualTo(1L);
            assertThat(refused(TransferErrorCode.UNSUPPORTED, "/move", body.formatted("c")))
                    .contains("c/0", "peer_init_url");
        }
    }

    @Test
    void healthHasACodeForEachWorker() throws Exception {
        try (TestWorker worker = worker("a", "h:0", 11)) {
            CompletableFuture<Map<?, ?>> health = posting("/health", "{\"instance_id\":\"a\"}");
            worker.answer(Message.of(MessageType.HEALTH_WORKER_RET, 0L));
            assertThat(health.get().get("error_codes")).isEqualTo(Map.of("0", 0L));

            CompletableFuture<Map<?, ?>> ill = posting("/health", "{\"instance_id\":\"a\"}");
            worker.answer(Message.error("no cache"));
            assertThat(ill.get().get("error_codes")).isEqualTo(Map.of("0", -1001L));
            assertThat(ill.get().get("details").toString()).contains("no cache");
            assertThat(controller.orders()).hasSize(2);
        }
    }

    @Test
    void failuresHaveTheirOwnCodes() throws Exception {
        refused(TransferErrorCode.NOT_FOUND, "/clear", "{\"instance_id\":\"nobody\",\"location\":\"x\"}");
        refused(TransferErrorCode.NOT_FOUND, "/check_finish", "{\"event_id\":\"nothing\"}");
        refused(TransferErrorCode.NOT_FOUND, "/query_worker_info", "{\"instance_id\":\"nobody\"}");
        for (String body : List.of("{}", "[]", "{", "{\"tokens\":\"x\"}", "{\"tokens\":[-1]}", "{\"tokens\":[1.5]}")) {
            assertThatThrownBy(() -> post("/lookup", body)).as(body).isInstanceOf(IllegalArgumentException.class);
        }
        try (TestWorker worker = worker("a", "h:0", 11)) {
            CompletableFuture<String> clear = CompletableFuture.supplyAsync(() -> refused(
                    TransferErrorCode.TRANSFER_FAILED,
                    "/clear",
                    "{\"event_id\":\"E1\",\"instance_id\":\"a\",\"location\":\"x\"}"));
            worker.answer(Message.error("no such place"));
            assertThat(clear.get()).contains("a/0", "no such place");
            assertThat(post("/check_finish", "{\"event_id\":\"E1\"}").get("status"))
                    .isEqualTo("failed");
        }
    }

    @Test
    void aWorkerThatDoesNotAnswerDoesNotHoldUpTheAnswer() throws Exception {
        try (TestWorker _ = worker("a", "h:0", 11)) {
            assertThatThrownBy(() -> answer(
                            "POST",
                            "/clear",
                            Map.of(),
                            "{\"instance_id\":\"a\",\"location\":\"x\"}",
                            Duration.ofMillis(300)))
                    .isInstanceOf(TransferException.class)
                    .hasMessageContaining("a/0");
        }
    }

    @Test
    void whatAWorkerCannotFetchIsExplained() throws Exception {
        try (TestWorker _ = worker("a", null, 11);
                TestWorker sha = new TestWorker(front, "c", 0);
                TestWorker asker = worker("b", "h:0", 12)) {
            sha.ask(Message.of(MessageType.REGISTER, "c", 0L, "127.0.0.1", 1L, "h:2")
                    .with(Map.of("hash_scheme", "sha256_cbor_64bit")));
            Lookup lookup = Lookup.of("lmcache", HeldChunks.packed(new long[] {11}), "b/0");

            assertThat(front.http().remarks(lookup))
                    .anySatisfy(remark -> assertThat(remark).contains("a/0", "peer_init_url"))
                    .anySatisfy(remark -> assertThat(remark).contains("c/0", "sha256_cbor_64bit"));
            assertThat(asker.lookup(11L).extras().get("explanation").toString()).contains("peer_init_url");
            assertThat(asker.lookup(99L).extras().get("explanation").toString()).contains("sha256_cbor_64bit");
        }
    }

    @Test
    void toolsMayAskOverTheSocketToo() throws Exception {
        try (TestWorker worker = worker("a", "h:0", 11)) {
            assertThat(worker.ask(Message.of(MessageType.QUERY_INST, "e", "127.0.0.1"))
                            .values())
                    .containsEntry("instance_id", "a");
            assertThat(worker.ask(Message.of(MessageType.CHECK_FINISH, "e")).type())
                    .isEqualTo(MessageType.ERROR);
        }
    }

    @Test
    void withoutTheSeedTokensCannotBeAskedFor() {
        try (LmCacheFront plain = LmCacheFront.open(controller, BackendConfig.DEFAULTS)) {
            assertThatThrownBy(() -> plain.http()
                            .answer(
                                    new HttpExtension.Endpoint("POST", "/lookup"),
                                    Map.of(),
                                    "{\"tokens\":[1]}".getBytes(StandardCharsets.UTF_8),
                                    Deadline.after(PATIENCE)))
                    .isInstanceOf(TransferException.class)
                    .hasMessageContaining("python-hash-seed");
        }
    }

    private String refused(TransferErrorCode code, String path, String body) {
        try {
            throw new AssertionError(path + " answered " + post(path, body));
        } catch (TransferException e) {
            assertThat(e.code()).as(e.getMessage()).isEqualTo(code);
            return e.error().detail();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }
}
