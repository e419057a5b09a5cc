package io.kvferry.control.lmcache;

import static io.kvferry.control.lmcache.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.ControllerConfigKeys;
import io.kvferry.control.cluster.NodeView;
import io.kvferry.spi.BackendConfig;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(180)
class LmCacheFrontTest {
    private static final String CPU = "LocalCPUBackend";
    private static final String MISS = "[[, , 0, ]]";

    private final Controller controller = Controller.open(BackendConfig.DEFAULTS.with(ControllerConfigKeys.PORT, 0));
    private final LmCacheFront front =
            LmCacheFront.open(controller, BackendConfig.DEFAULTS.with(LmCacheConfigKeys.HEARTBEAT_PORT, 0));

    @AfterEach
    void close() {
        front.close();
        controller.close();
    }

    private NodeView node(String id) {
        return controller.nodes().stream()
                .filter(node -> node.registration().identity().nodeId().equals(id))
                .findFirst()
                .orElseThrow();
    }

    private boolean holds(String id, long chunks) {
        return node(id).chunks() == chunks;
    }

    private static Object layout(Message answer) {
        return String.valueOf(answer.values().get("layout_info"));
    }

    @Test
    void aPeerFindsWhatAnotherInstanceHolds() throws Exception {
        try (TestWorker holder = new TestWorker(front, "a", 0);
                TestWorker asker = new TestWorker(front, "b", 0)) {
            Message told = holder.register("10.0.0.1:8200");
            asker.register("10.0.0.2:8200");
            holder.admit(CPU, 1, 11, 12, 13);
            eventually(() -> holds("a/0", 3));

            assertThat(told.values().get("extra_config").toString())
                    .contains("heartbeat_url=127.0.0.1:"
                            + front.heartbeatAddress().orElseThrow().port());
            assertThat(layout(asker.lookup(11L, 12L, 99L))).isEqualTo("[[a, LocalCPUBackend, 2, 10.0.0.1:8200]]");
            assertThat(layout(asker.lookup(99L))).isEqualTo(MISS);
            assertThat(layout(holder.lookup(11L)))
                    .as("its own instance does not count")
                    .isEqualTo(MISS);

            holder.evict(CPU, 4, 11);
            eventually(() -> holds("a/0", 2));
            assertThat(layout(asker.lookup(11L))).isEqualTo(MISS);
        }
    }

    @Test
    void anotherRankIsNoHolder() throws Exception {
        try (TestWorker holder = new TestWorker(front, "a", 1);
                TestWorker asker = new TestWorker(front, "b", 0)) {
            holder.register("10.0.0.1:8201");
            asker.register("10.0.0.2:8200");
            holder.admit(CPU, 1, 11);
            eventually(() -> holds("a/1", 1));

            assertThat(layout(asker.lookup(11L))).isEqualTo(MISS);
        }
    }

    @Test
    void aWorkerWithoutPeerUrlIsAMemberAndAMiss() throws Exception {
        try (TestWorker holder = new TestWorker(front, "a", 0);
                TestWorker asker = new TestWorker(front, "b", 0)) {
            assertThat(holder.register(null).type()).isEqualTo(MessageType.REGISTER_RET);
            holder.admit(CPU, 1, 11);
            eventually(() -> holds("a/0", 1));

            assertThat(layout(asker.lookup(11L))).isEqualTo(MISS);
            assertThat(front.counters()).containsEntry("holders_without_url", 1L);
        }
    }

    @Test
    void oneBadFrameOfABatchCostsOnlyItself() throws Exception {
        try (TestWorker worker = new TestWorker(front, "a", 0)) {
            worker.register("h:1");
            byte[] good = MessageCodec.encode(Message.of(MessageType.KV_ADMIT, "a", 0L, 5L, CPU, 1L));
            byte[] json = MessageCodec.encode(Message.of(MessageType.KV_ADMIT, "a", 0L, 6L, CPU, 2L), true);
            worker.pushRaw(HexFormat.of().parseHex("c1ff"), good, new byte[0], json);

            eventually(() -> holds("a/0", 2));
            assertThat(front.counters()).containsEntry("malformed_frames", 2L);
        }
    }

    @Test
    void everyFailureIsAnswered() throws Exception {
        try (TestWorker worker = new TestWorker(front, "a", 0)) {
            assertThat(worker.ask(Message.of(MessageType.FULL_SYNC_STATUS, "a", 0L, "s")))
                    .extracting(Message::type)
                    .isEqualTo(MessageType.ERROR);
            assertThat(MessageCodec.decode(worker.askRaw(new byte[] {(byte) 0xc1}))
                            .text("error"))
                    .contains("neither msgpack nor JSON");
            byte[] answer = worker.askRaw("{\"type\":\"NoSuchMsg\"}".getBytes(StandardCharsets.UTF_8));
            assertThat(new String(answer, StandardCharsets.UTF_8)).contains("ErrorMsg", "NoSuchMsg");
            assertThat(worker.register("h:1").type())
                    .as("and the socket goes on")
                    .isEqualTo(MessageType.REGISTER_RET);
        }
    }

    @Test
    void httpAndGarbageOnThePortsHurtNobody() throws Exception {
        for (int port : List.of(front.pullAddress().port(), front.replyAddress().port())) {
            try (Socket stranger = new Socket("127.0.0.1", port)) {
                OutputStream out = stranger.getOutputStream();
                out.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100).getBytes(StandardCharsets.US_ASCII));
                out.flush();
            }
        }
        try (TestWorker worker = new TestWorker(front, "a", 0)) {
            assertThat(worker.register("h:1").type()).isEqualTo(MessageType.REGISTER_RET);
        }
    }

    @Test
    void aGapIsHealedByAFullSync() throws Exception {
        try (TestWorker worker = new TestWorker(front, "a", 0)) {
            worker.register("h:0");
            assertThat(worker.heartbeat().values().get("commands")).isEqualTo(List.of());
            worker.admit(CPU, 1, 1);
            worker.admit(CPU, 7, 2);
            eventually(() -> holds("a/0", 2));

            assertThat(worker.heartbeat().values().get("commands").toString())
                    .contains("type=full_sync", "reason=sequence_gap");
            assertThat(worker.fullSyncStart(CPU, "s1", 3, 2).isTrue("accepted")).isTrue();
            assertThat(worker.fullSyncStart(CPU, "s2", 3, 2).isTrue("accepted")).isFalse();
            worker.fullSyncBatch(CPU, "s1", 1, 30L);
            assertThat(worker.fullSyncStatus("s1").values().get("is_complete")).isEqualTo(false);
            worker.fullSyncBatch(CPU, "s1", 0, 10L, 20L);
            worker.admit(CPU, 8, 40);
            worker.fullSyncEnd(CPU, "s1", 3);
            eventually(() -> holds("a/0", 4));

            assertThat(worker.fullSyncStatus("s1").isTrue("is_complete")).isTrue();
            assertThat(worker.heartbeat().values().get("commands")).isEqualTo(List.of());
        }
    }

    @Test
    void aFullSyncThatDoesNotAddUpIsNotBelieved() throws Exception {
        try (TestWorker worker = new TestWorker(front, "a", 0)) {
            worker.register("h:0");
            worker.admit(CPU, 1, 1);
            eventually(() -> holds("a/0", 1));
            worker.fullSyncStart(CPU, "s1", 3, 1);
            worker.fullSyncBatch(CPU, "s1", 0, 10L, 20L);
            worker.fullSyncEnd(CPU, "s1", 3);
            eventually(() -> front.counters().get("failed_full_syncs") == 1);

            assertThat(holds("a/0", 1)).as("what was known stays").isTrue();
            assertThat(worker.fullSyncStatus("s1").isTrue("is_complete")).isFalse();
            assertThat(worker.heartbeat().values().get("commands").toString()).contains("sync_failed_retry");
        }
    }

    @Test
    void aWorkerThatTheControllerLostRegistersByItsHeartbeat() throws Exception {
        try (TestWorker worker = new TestWorker(front, "a", 0)) {
            assertThat(worker.heartbeat().values().get("commands").toString())
                    .contains("full_sync", "controller_restart");
            assertThat(node("a/0").connected()).isTrue();
        }
    }

    @Test
    void aRestartedWorkerHoldsNothing() throws Exception {
        try (TestWorker before = new TestWorker(front, "a", 0)) {
            before.register("h:0");
            before.admit(CPU, 1, 1, 2, 3);
            eventually(() -> holds("a/0", 3));
        }
        try (TestWorker after = new TestWorker(front, "a", 0)) {
            after.register("h:0");
            assertThat(holds("a/0", 0)).isTrue();
        }
    }

    @Test
    void aWorkerThatWorksButNeverHeartbeatsKeepsItsLease() throws Exception {
        try (TestWorker worker = new TestWorker(front, "a", 0)) {
            worker.register("h:0");
            Duration lease = controller.view().lease();
            // so long that it counts, and not so long that it would be asked whether it is there
            eventually(() -> node("a/0").leaseLeft().compareTo(lease.minus(lease.dividedBy(10))) < 0);
            Duration before = node("a/0").leaseLeft();
            worker.admit(CPU, 1, 1);

            eventually(() -> node("a/0").leaseLeft().compareTo(before) > 0);
        }
    }

    @Test
    void deregisteringTakesAWorkerOutAtOnce() throws Exception {
        try (TestWorker worker = new TestWorker(front, "a", 0)) {
            worker.register("h:0");
            worker.deregister();
            eventually(() -> controller.nodes().isEmpty());
        }
    }

    @Test
    void workersOfAnotherSchemeAreReportedAndNotFound() throws Exception {
        try (TestWorker builtin = new TestWorker(front, "a", 0);
                TestWorker sha = new TestWorker(front, "b", 0)) {
            builtin.register("h:1");
            builtin.admit(CPU, 1, 1);
            eventually(() -> holds("a/0", 1));
            sha.ask(Message.of(MessageType.REGISTER, "b", 0L, "127.0.0.1", 1L, "h:2")
                    .with(Map.of("hash_scheme", "sha256_cbor_64bit")));

            assertThat(layout(sha.lookup(1L))).isEqualTo(MISS);
            assertThat(node("b/0").registration().scheme().name()).isEqualTo("sha256_cbor_64bit");
        }
    }

    @Test
    void workersOfOneSchemeAndAnotherChunkSizeAreRefused() throws Exception {
        try (TestWorker first = new TestWorker(front, "a", 0);
                TestWorker second = new TestWorker(front, "b", 0)) {
            first.register("h:1");
            Message answer = second.ask(Message.of(MessageType.REGISTER, "b", 0L, "127.0.0.1", 1L, "h:2")
                    .with(Map.of("chunk_size", 128L)));

            assertThat(answer.type()).isEqualTo(MessageType.ERROR);
            assertThat(answer.text("error")).contains("128", "256");
        }
    }
}
