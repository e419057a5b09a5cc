package io.kvferry.benchmarks;

import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.ControllerConfigKeys;
import io.kvferry.control.etcd.EtcdConfigKeys;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.PeerAddress;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A controller over etcd in a process of its own, to be killed.
 *
 * <p>Threads: confined to the thread that uses it.
 */
final class FailoverController implements AutoCloseable {
    private static final Duration START = Duration.ofSeconds(60);

    private final Program program;
    private final PeerAddress address;

    private FailoverController(Program program, PeerAddress address) {
        this.program = program;
        this.address = address;
    }

    /** Is the process: says where it listens, and serves until standard input ends. */
    static void serve(String etcd, int port) throws IOException {
        BackendConfig config = BackendConfig.DEFAULTS
                .with(ControllerConfigKeys.STORE, "etcd")
                .with(ControllerConfigKeys.PORT, port)
                .with(EtcdConfigKeys.ENDPOINTS, List.of(etcd));
        try (Controller controller = Controller.open(config)) {
            System.out.println(controller.address());
            while (System.in.read() >= 0) {
                // whoever started this closes it when it is done, or is gone
            }
        }
    }

    /** Starts one. Port 0 takes a free one. */
    static FailoverController start(Path folder, String etcd, int port) throws IOException {
        Program program = Program.start(
                folder,
                List.of(
                        ProcessHandle.current().info().command().orElse("java"),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        classPath(),
                        ClusterBench.class.getName(),
                        "--control",
                        etcd,
                        String.valueOf(port)));
        try {
            return new FailoverController(program, PeerAddress.parse(program.firstLine(START)));
        } catch (IOException | RuntimeException e) {
            program.close();
            throw e;
        }
    }

    /** That of this process, from wherever it is read. */
    private static String classPath() {
        return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator, -1))
                .map(entry -> Path.of(entry).toAbsolutePath().toString())
                .collect(Collectors.joining(File.pathSeparator));
    }

    PeerAddress address() {
        return address;
    }

    void kill() throws IOException {
        program.kill();
    }

    @Override
    public void close() throws IOException {
        program.close();
    }
}
