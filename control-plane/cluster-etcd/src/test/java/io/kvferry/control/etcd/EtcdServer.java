package io.kvferry.control.etcd;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** One etcd on loopback, which can be killed, frozen and started again over the same data. */
final class EtcdServer implements AutoCloseable {
    private static final int ATTEMPTS = 600;

    private final Path folder;
    /** Options of TLS; without any it is not used. */
    private final List<String> security;

    private final int clientPort = freePort();
    private final int peerPort = freePort();
    private final int healthPort = freePort();
    private Process process;

    private EtcdServer(Path folder, List<String> security) {
        this.folder = folder;
        this.security = security;
        this.process = launch();
    }

    static EtcdServer start(Path folder) {
        return start(folder, List.of());
    }

    static EtcdServer start(Path folder, List<String> security) {
        EtcdServer server = new EtcdServer(folder, security);
        server.awaitHealth();
        return server;
    }

    String endpoint() {
        return "127.0.0.1:" + clientPort;
    }

    private String health() {
        return "http://127.0.0.1:" + healthPort;
    }

    private Process launch() {
        String client = (security.isEmpty() ? "http://" : "https://") + endpoint();
        String peer = "http://127.0.0.1:" + peerPort;
        List<String> command = new ArrayList<>(List.of(
                "etcd",
                "--name=test",
                "--listen-metrics-urls=" + health(),
                "--data-dir=" + folder.resolve("data"),
                "--listen-client-urls=" + client,
                "--advertise-client-urls=" + client,
                "--listen-peer-urls=" + peer,
                "--initial-advertise-peer-urls=" + peer,
                "--initial-cluster=test=" + peer,
                // the data of a test need not survive a loss of power
                "--unsafe-no-fsync"));
        command.addAll(security);
        try {
            return new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(
                            folder.resolve("etcd.log").toFile()))
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException("these tests need Debian's etcd-server", e);
        }
    }

    private void awaitHealth() {
        try (HttpClient client = HttpClient.newHttpClient()) {
            HttpRequest health = HttpRequest.newBuilder(URI.create(health() + "/health"))
                    .timeout(Duration.ofSeconds(5))
                    .build();
            for (int i = 0; i < ATTEMPTS; i++) {
                if (isHealthy(client, health)) {
                    return;
                }
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
            }
        }
        throw new AssertionError("etcd does not become healthy; see " + folder.resolve("etcd.log"));
    }

    private static boolean isHealthy(HttpClient client, HttpRequest health) {
        try {
            return client.send(health, BodyHandlers.ofString()).body().contains("true");
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    void kill() {
        process.destroyForcibly();
        try {
            process.waitFor(20, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    void startAgain() {
        process = launch();
        awaitHealth();
    }

    /** STOP or CONT. */
    void signal(String name) {
        try {
            new ProcessBuilder("kill", "-" + name, String.valueOf(process.pid()))
                    .start()
                    .waitFor(20, TimeUnit.SECONDS);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        kill();
    }
}
