package io.kvferry.control.lmcache;

import static io.kvferry.control.lmcache.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.ControllerConfigKeys;
import io.kvferry.spi.BackendConfig;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** As many workers as a large cluster has; {@code -Dkvferry.lmcache.chunks=1000} for a million chunks. */
@Timeout(240)
class ManyWorkersTest {
    private static final int WORKERS = 1000;
    private static final int CHUNKS = Integer.getInteger("kvferry.lmcache.chunks", 100);
    private static final String CPU = "LocalCPUBackend";

    @Test
    void aThousandWorkersAreFoundWithTheirChunks() throws Exception {
        try (Controller controller = Controller.open(BackendConfig.DEFAULTS
                        .with(ControllerConfigKeys.PORT, 0)
                        .with(ControllerConfigKeys.LEASE, Duration.ofHours(1)));
                LmCacheFront front = LmCacheFront.open(controller, BackendConfig.DEFAULTS);
                TestWorker all = new TestWorker(front, "asker", 0)) {
            all.register("h:0");
            List<Message> registrations = new ArrayList<>();
            for (int worker = 0; worker < WORKERS; worker++) {
                registrations.add(Message.of(MessageType.REGISTER, "w" + worker, 0L, "127.0.0.1", 9L, "h:" + worker));
            }
            assertThat(all.askAll(registrations)).hasSize(WORKERS).allMatch(MessageType.REGISTER_RET::equals);
            for (int worker = 0; worker < WORKERS; worker++) {
                all.push(Message.of(MessageType.BATCHED_KV_OPERATION, "w" + worker, 0L, CPU, admissions(worker)));
            }
            eventually(() -> controller.view().indexedPairs() == (long) WORKERS * CHUNKS);

            for (int worker = 0; worker < WORKERS; worker += 97) {
                assertThat(String.valueOf(all.lookup(key(worker, 0), key(worker, 1), key(worker + 1, 2))
                                .values()
                                .get("layout_info")))
                        .isEqualTo("[[w" + worker + ", LocalCPUBackend, 2, h:" + worker + "]]");
            }
            double held = front.http().metrics().stream()
                    .filter(metric -> metric.name().equals("kvferry_lmcache_held_bytes"))
                    .findFirst()
                    .orElseThrow()
                    .value();
            assertThat(held / WORKERS / CHUNKS)
                    .as("bytes a chunk, beside the index")
                    .isBetween(8.0, 24.0);
        }
    }

    private static long key(int worker, int chunk) {
        return (long) worker * CHUNKS + chunk;
    }

    private static List<Map<String, Object>> admissions(int worker) {
        List<Map<String, Object>> events = new ArrayList<>();
        for (int chunk = 0; chunk < CHUNKS; chunk++) {
            events.add(Map.of("op_type", "admit", "key", key(worker, chunk), "seq_num", chunk + 1L));
        }
        return events;
    }
}
