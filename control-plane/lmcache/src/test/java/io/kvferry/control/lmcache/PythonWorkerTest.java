package io.kvferry.control.lmcache;

import static io.kvferry.control.lmcache.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.ControllerConfigKeys;
import io.kvferry.control.cluster.OrderAction;
import io.kvferry.control.cluster.OrderRequest;
import io.kvferry.control.cluster.OrderStatus;
import io.kvferry.control.cluster.Tier;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Workers on libzmq and Python's msgpack, in processes of their own. Fails, not skips, where Debian's packages are missing. */
@Timeout(180)
class PythonWorkerTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Controller controller = Controller.open(BackendConfig.DEFAULTS.with(ControllerConfigKeys.PORT, 0));
    private final LmCacheFront front =
            LmCacheFront.open(controller, BackendConfig.DEFAULTS.with(LmCacheConfigKeys.HEARTBEAT_PORT, 0));

    @AfterEach
    void close() {
        front.close();
        controller.close();
    }

    private boolean holds(String id, long chunks) {
        return controller.nodes().stream()
                .anyMatch(node -> node.registration().identity().nodeId().equals(id) && node.chunks() == chunks);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void aWorkerRegistersHeartbeatsAdmitsLooksUpSyncsDiesAndReturns(int generation) throws Exception {
        try (PythonWorker asker = PythonWorker.start(front, "b", 0, generation)) {
            asker.run("register", "url", "10.0.0.2:8200");
            try (PythonWorker holder = PythonWorker.start(front, "a", 0, generation)) {
                assertThat(holder.run("register", "url", "10.0.0.1:8200").toString())
                        .contains("RegisterRetMsg", "heartbeat_url");
                assertThat(holder.run("heartbeat", "url", "10.0.0.1:8200"))
                        .isEqualTo(Map.of("type", "HeartbeatRetMsg", "commands", List.of()));
                holder.run("admit", "keys", List.of(11, 12, -13));
                eventually(() -> holds("a/0", 3));
                assertThat(asker.run("lookup", "hashes", List.of(11, 12, -13, 99))
                                .toString())
                        .contains("[[a, LocalCPUBackend, 3, 10.0.0.1:8200]]");

                holder.run("lose", "keys", List.of(14));
                holder.run("admit", "keys", List.of(15));
                eventually(() -> holds("a/0", 4));
                assertThat(holder.run("heartbeat", "url", "10.0.0.1:8200").toString())
                        .contains("full_sync", "sequence_gap");
                assertThat(holder.run("full_sync", "sync_id", "s1").toString()).contains("accepted=true");
                eventually(() -> holds("a/0", 5));
                assertThat(holder.run("sync_status", "sync_id", "s1").toString())
                        .contains("is_complete=true");

                holder.run("garbage");
                eventually(() -> holds("a/0", 6));
                holder.die();
            }
            try (PythonWorker returned = PythonWorker.start(front, "a", 0, generation)) {
                returned.run("register", "url", "10.0.0.1:8200");
                assertThat(String.valueOf(asker.run("lookup", "hashes", List.of(11))))
                        .as("a process that came back holds nothing")
                        .contains("[[, , 0, ]]");
                returned.run("admit", "keys", List.of(11));
                eventually(() -> holds("a/0", 1));
                assertThat(asker.run("lookup", "hashes", List.of(11)).toString())
                        .contains("10.0.0.1:8200");
                returned.run("deregister");
                eventually(() -> controller.nodes().size() == 1);
            }
        }
    }

    @Test
    void theOldestGenerationPushesEverything() throws Exception {
        try (PythonWorker old = PythonWorker.start(front, "a", 0, 1);
                PythonWorker asker = PythonWorker.start(front, "b", 0, 3)) {
            asker.run("register", "url", "10.0.0.2:8200");
            old.run("register", "url", "10.0.0.1:9100");
            old.run("admit", "keys", List.of(21));
            eventually(() -> holds("a/0", 1));

            assertThat(asker.run("lookup", "hashes", List.of(21)).toString())
                    .contains("[[a, LocalCPUBackend, 1, 10.0.0.1:9100]]");
        }
    }

    @Test
    void anOrderIsCarriedOutByTheWorker() throws Exception {
        try (PythonWorker worker = PythonWorker.start(front, "a", 0, 3)) {
            worker.run("register", "url", "10.0.0.1:8200");
            worker.run("admit", "keys", List.of(1, 2));
            eventually(() -> holds("a/0", 2));
            OrderStatus clear = controller.order(
                    new OrderRequest(new OrderAction.Clear(Optional.of(Tier.HOST)), List.of("a"), PATIENCE),
                    Deadline.after(PATIENCE));
            OrderStatus end =
                    controller.whenFinished(clear.id()).orElseThrow().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);

            assertThat(end.results().get("a/0").details()).containsEntry("num_tokens", "512");
            eventually(() -> holds("a/0", 0));
            assertThat(worker.run("orders").toString()).contains("ClearWorkerMsg", clear.id());
        }
    }
}
