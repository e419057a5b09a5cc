package io.kvferry.control.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.control.cluster.NodeSession;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class MetricsTest {
    /** Names of LMCache's controller that mean the same here. Its sockets are not ours to count. */
    private static final List<String> ALIASES = List.of(
            "lmcache:cache_controller_full_sync_global_progress",
            "lmcache:cache_controller_full_sync_workers_completed",
            "lmcache:cache_controller_full_sync_workers_syncing",
            "lmcache:cache_controller_kv_op_seq_discontinuity_count",
            "lmcache:cache_controller_kv_pool_keys_count",
            "lmcache:cache_controller_registered_workers_count");

    @Test
    void promtoolFindsNothingToComplainAbout() throws Exception {
        try (TestCluster cluster = TestCluster.open()) {
            cluster.node("a", "a");
            String ours = lines(cluster.get("/metrics").body(), "kvferry_");

            Process promtool = new ProcessBuilder("promtool", "check", "metrics")
                    .redirectErrorStream(true)
                    .start();
            try (var input = promtool.getOutputStream()) {
                input.write(ours.getBytes(StandardCharsets.UTF_8));
            }
            String complaints = new String(promtool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(promtool.waitFor(20, TimeUnit.SECONDS)).isTrue();
            assertThat(complaints).isEmpty();
            assertThat(promtool.exitValue()).isZero();
        }
    }

    @Test
    void aliasesAreThoseOfLmcacheAndAgreeWithOurOwn() throws Exception {
        try (TestCluster cluster = TestCluster.open()) {
            NodeSession synced = cluster.node("a", "a");
            TestCluster.hold(synced, 1, 2, 3);
            cluster.node("b", "b");
            String text = cluster.get("/metrics").body();

            assertThat(text.lines()
                            .filter(line -> line.startsWith("# TYPE lmcache:"))
                            .map(line -> line.split(" ")[2]))
                    .containsExactlyElementsOf(ALIASES);
            assertThat(text)
                    .contains("lmcache:cache_controller_registered_workers_count{role=\"controller\"} 2.0")
                    .contains("lmcache:cache_controller_kv_pool_keys_count{role=\"controller\"} 3.0")
                    .contains("lmcache:cache_controller_full_sync_workers_syncing{role=\"controller\"} 1.0")
                    .contains("lmcache:cache_controller_full_sync_global_progress{role=\"controller\"} 0.5")
                    .contains("\nkvferry_controller_index_pairs 3.0")
                    .contains("\nkvferry_cluster_nodes{state=\"live\"} 2.0");
        }
    }

    @Test
    void answersAreCountedByTheirClass() throws Exception {
        try (TestCluster cluster = TestCluster.open()) {
            cluster.get("/nowhere");
            assertThat(cluster.get("/metrics").body())
                    .contains("kvferry_controller_http_answers_total{status=\"4xx\"} 1.0");
        }
    }

    private static String lines(String text, String prefix) throws IOException {
        return text.lines()
                        .filter(line -> line.replaceFirst("^# (HELP|TYPE) ", "").startsWith(prefix))
                        .collect(Collectors.joining("\n"))
                + "\n";
    }
}
