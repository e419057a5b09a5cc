package io.kvferry.control.etcd;

import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.ControllerConfigKeys;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.PeerAddress;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A controller over etcd in a process of its own, to be killed. */
final class ControllerProcess implements AutoCloseable {
    private static final String READY = "ready ";

    private final Process process;
    private final PeerAddress address;

    private ControllerProcess(Process process, PeerAddress address) {
        this.process = process;
        this.address = address;
    }

    /** The process. */
    public static void main(String[] args) throws IOException {
        BackendConfig config = BackendConfig.DEFAULTS
                .with(ControllerConfigKeys.STORE, "etcd")
                .with(ControllerConfigKeys.PORT, 0)
                .with(ControllerConfigKeys.LEASE, Duration.parse(args[1]))
                .with(EtcdConfigKeys.ENDPOINTS, List.of(args[0]));
        try (Controller controller = Controller.open(config)) {
            System.out.println(READY + controller.address());
            // ends with the test
            int ignored = System.in.read();
        }
    }

    static ControllerProcess start(String etcd, Duration lease) throws IOException {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        ControllerProcess.class.getName(),
                        etcd,
                        lease.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        BufferedReader lines =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            if (line.startsWith(READY)) {
                return new ControllerProcess(process, PeerAddress.parse(line.substring(READY.length())));
            }
        }
        process.destroyForcibly();
        throw new IOException("the controller did not start");
    }

    PeerAddress address() {
        return address;
    }

    /** As kill -9 does. */
    void kill() {
        try {
            process.destroyForcibly().waitFor(20, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        kill();
    }
}
