package io.kvferry.benchmarks;

import io.kvferry.spi.Deadline;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * An etcd of one member on loopback, whose data is gone with its folder.
 *
 * <p>Threads: confined to the thread that uses it.
 */
final class LocalEtcd implements AutoCloseable {
    private static final Duration START = Duration.ofSeconds(30);
    private static final Duration PAUSE = Duration.ofMillis(50);

    private final Program program;
    private final String endpoint;

    private LocalEtcd(Program program, String endpoint) {
        this.program = program;
        this.endpoint = endpoint;
    }

    static LocalEtcd start(Path folder) throws IOException {
        String endpoint = "127.0.0.1:" + freePort();
        String client = "http://" + endpoint;
        String peer = "http://127.0.0.1:" + freePort();
        LocalEtcd etcd = new LocalEtcd(
                Program.start(
                        folder,
                        List.of(
                                "etcd",
                                "--name=bench",
                                "--data-dir=" + folder.resolve("etcd"),
                                "--listen-client-urls=" + client,
                                "--advertise-client-urls=" + client,
                                "--listen-peer-urls=" + peer,
                                "--initial-advertise-peer-urls=" + peer,
                                "--initial-cluster=bench=" + peer)),
                endpoint);
        try {
            etcd.awaitHealth(client);
            return etcd;
        } catch (IOException | RuntimeException e) {
            etcd.close();
            throw e;
        }
    }

    private void awaitHealth(String url) throws IOException {
        Deadline deadline = Deadline.after(START);
        HttpRequest health = HttpRequest.newBuilder(URI.create(url + "/health"))
                .timeout(Duration.ofSeconds(5))
                .build();
        try (HttpClient client = HttpClient.newHttpClient()) {
            while (!isHealthy(client, health)) {
                if (deadline.isExpired() || program.endsWithin(PAUSE)) {
                    throw new IOException("etcd is not healthy" + program.complaint());
                }
            }
        }
    }

    private static boolean isHealthy(HttpClient client, HttpRequest health) throws IOException {
        try {
            return client.send(health, BodyHandlers.ofString()).body().contains("true");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } catch (IOException e) {
            return false; // not yet
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    String endpoint() {
        return endpoint;
    }

    @Override
    public void close() throws IOException {
        program.close();
    }
}
