package io.kvferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.control.cluster.ClusterClient;
import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.ControllerConfigKeys;
import io.kvferry.control.cluster.KeyScheme;
import io.kvferry.control.cluster.NodeRegistration;
import io.kvferry.control.lmcache.LmCacheFront;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerIdentity;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DoctorTest {
    private static final String GOOD = """
            chunk_size: 256
            enable_p2p: True
            p2p_host: 192.168.110.13
            p2p_init_ports: [8200]
            p2p_lookup_ports: [8201]
            enable_controller: True
            lmcache_instance_id: "lmcache_instance_1"
            controller_pull_url: "192.168.110.13:8300"
            controller_reply_url: "192.168.110.13:8400"
            lmcache_worker_ports: [8500]
            lmcache_worker_heartbeat_time: 10
            """;

    @TempDir
    private Path folder;

    private String file(String name, String content) throws IOException {
        return Files.writeString(folder.resolve(name), content).toString();
    }

    private static ClusterClient node(Controller controller, String id, String scheme) {
        ClusterClient node = ClusterClient.builder()
                .controllers(List.of(controller.address()))
                .registration(
                        NodeRegistration.of(new PeerIdentity(id, 1), "127.0.0.1:1", new KeyScheme(scheme, 8, 256)))
                .open();
        assertThat(node.awaitApplied(Deadline.after(Duration.ofSeconds(20)))).isTrue();
        return node;
    }

    private static Cli doctor(Controller controller) {
        return Cli.run(
                "doctor",
                "--set",
                "kvferry.peer.port=0",
                "--set",
                "kvferry.cluster.controllers=" + controller.address(),
                "--timeout",
                "20s");
    }

    @Test
    void aHealthyClusterIsToldNodeByNode() {
        try (Controller controller = Controller.open(BackendConfig.DEFAULTS.with(ControllerConfigKeys.PORT, 0));
                ClusterClient _ = node(controller, "a", "sha256");
                ClusterClient _ = node(controller, "b", "sha256")) {
            Cli healthy = doctor(controller);

            assertThat(healthy.code()).as(healthy.out()).isZero();
            assertThat(healthy.out())
                    .contains("✓ controller ", "knows 2 nodes", "✓ node a", "✓ node b", "✓ same key scheme: sha256")
                    .doesNotContain("✗");
        }
    }

    @Test
    void nodesThatWillNeverFindEachOthersChunksAreNamed() {
        try (Controller controller = Controller.open(BackendConfig.DEFAULTS.with(ControllerConfigKeys.PORT, 0));
                ClusterClient _ = node(controller, "a", "sha256");
                ClusterClient _ = node(controller, "b", "builtin")) {
            Cli different = doctor(controller);

            assertThat(different.code()).isEqualTo(ExitCode.FAILED);
            assertThat(different.out())
                    .contains(
                            "✗ same key scheme: builtin (8 bytes for 256 tokens): b; sha256 (8 bytes for 256 tokens): a")
                    .contains("give all nodes of a model the same key scheme");
        }
    }

    @Test
    void aPortThatTakesConnectionsButDoesNotAnswerIsNoController() throws IOException {
        try (ServerSocket silent = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
            Cli nobody = Cli.run(
                    "doctor",
                    "--set",
                    "kvferry.peer.port=" + silent.getLocalPort(),
                    "--set",
                    "kvferry.cluster.controllers=127.0.0.1:" + silent.getLocalPort(),
                    "--timeout",
                    "300ms",
                    "--json");

            assertThat(nobody.code()).isEqualTo(ExitCode.FAILED);
            assertThat(nobody.out())
                    .contains("{\"check\":\"controller 127.0.0.1:" + silent.getLocalPort() + "\",\"ok\":false")
                    .contains("{\"check\":\"port of peer control\",\"ok\":false")
                    .contains("{\"check\":\"backend tcp\",\"ok\":true");
        }
    }

    @Test
    void wrongKeysAndAbsentBackendsAreToldWithTheRemedy() {
        Cli wrong = Cli.run("doctor", "--set", "kvferry.tcp.lane=2");

        assertThat(wrong.code()).isEqualTo(ExitCode.FAILED);
        assertThat(wrong.out()).contains("✗ configuration", "did you mean kvferry.tcp.lanes?");
    }

    @Test
    void lmcacheFilesThatFitPass() throws IOException {
        String second = GOOD.replace("_1\"", "_2\"")
                .replace("8200", "8202")
                .replace("8201", "8203")
                .replace("8500", "8501");

        Cli good =
                Cli.run("doctor", "--offline", "--lmcache", file("example1.yaml", GOOD), file("example2.yaml", second));

        assertThat(good.out()).doesNotContain("✗");
        assertThat(good.code()).isZero();
    }

    @Test
    void lmcacheFilesThatWouldFailAreExplained() throws IOException {
        String second = GOOD.replace("chunk_size: 256", "chunk_size: 128")
                .replace("\"192.168.110.13:8400\"", "192.168.110.13")
                .replace("lmcache_worker_heartbeat_time: 10", "");

        Cli bad = Cli.run(
                "doctor",
                "--offline",
                "--ranks",
                "1",
                "--lmcache",
                file("example1.yaml", GOOD),
                file("example2.yaml", second));

        assertThat(bad.code()).isEqualTo(ExitCode.FAILED);
        assertThat(bad.out())
                .contains("✗ example2.yaml p2p_init_ports: 8200 is taken by example1.yaml p2p_init_ports")
                .contains("✗ example2.yaml controller_reply_url: it is 192.168.110.13")
                .contains("✗ example2.yaml lmcache_worker_heartbeat_time")
                .contains("✗ same chunk_size");
        assertThat(Cli.run("doctor", "--offline", "--ranks", "2", "--lmcache", file("a.yaml", GOOD))
                        .out())
                .contains("✗ a.yaml p2p_lookup_ports: 1 ports for 2 ranks");
        assertThat(Cli.run("doctor", "--lmcache", file("b.yaml", "enable_p2p: ["))
                        .out())
                .contains("✗ ", "correct the YAML");
        assertThat(Cli.run("doctor", "--lmcache", file("c.yaml", "- 1")).out()).contains("no list of keys");
        assertThat(Cli.run("doctor", "--lmcache", folder.resolve("absent").toString())
                        .out())
                .contains("cannot be read");
    }

    @Test
    void controllersThatLmcacheFilesNameAreAsked() throws IOException {
        try (Controller controller = Controller.open(BackendConfig.DEFAULTS.with(ControllerConfigKeys.PORT, 0));
                LmCacheFront front = LmCacheFront.open(controller, BackendConfig.DEFAULTS)) {
            String config = GOOD.replace(
                            "192.168.110.13:8300", front.pullAddress().toString())
                    .replace("192.168.110.13:8400", front.replyAddress().toString());

            Cli asked = Cli.run("doctor", "--timeout", "20s", "--lmcache", file("a.yaml", config));
            assertThat(asked.out())
                    .contains("✓ controller_reply_url " + front.replyAddress() + ": answers a look-up")
                    .contains("✓ controller_pull_url " + front.pullAddress() + ": takes what workers push\n")
                    .contains("--as-worker joins for a moment");
            assertThat(asked.code()).isZero();

            Cli joined = Cli.run("doctor", "--timeout", "20s", "--as-worker", "--lmcache", file("b.yaml", config));
            assertThat(joined.out()).contains("what a worker pushes is taken in, and found");
            assertThat(joined.code()).as(joined.out()).isZero();
        }
        try (ServerSocket silent = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
            String config = GOOD.replaceAll("192.168.110.13:8[34]00", "127.0.0.1:" + silent.getLocalPort());

            Cli nobody = Cli.run("doctor", "--timeout", "300ms", "--lmcache", file("c.yaml", config));

            assertThat(nobody.code()).isEqualTo(ExitCode.FAILED);
            assertThat(nobody.out())
                    .contains("✗ controller_reply_url 127.0.0.1:" + silent.getLocalPort())
                    .contains("✗ controller_pull_url", "restart it");
        }
    }
}
