package io.kvferry.benchmarks;

import io.kvferry.spi.Deadline;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * An etcd of ours on loopback, of Debian's {@code etcd-server}.
 *
 * @param program its process
 * @param endpoint where it listens
 */
record EtcdProgram(Program program, String endpoint) implements AutoCloseable {
    static EtcdProgram start(Path folder, Duration patience) throws IOException {
        int port = freePort();
        String client = "http://127.0.0.1:" + port;
        String peer = "http://127.0.0.1:" + freePort();
        Program program = Program.start(
                folder,
                List.of(
                        "etcd",
                        "--name=bench",
                        "--data-dir=" + folder.resolve("etcd"),
                        "--listen-client-urls=" + client,
                        "--advertise-client-urls=" + client,
                        "--listen-peer-urls=" + peer,
                        "--initial-advertise-peer-urls=" + peer,
                        "--initial-cluster=bench=" + peer));
        Deadline deadline = Deadline.after(patience);
        while (!accepts(port)) {
            if (deadline.isExpired() || program.endsWithin(Duration.ofMillis(50))) {
                String complaint = program.complaint();
                program.close();
                throw new IOException("etcd did not start" + complaint);
            }
        }
        return new EtcdProgram(program, "127.0.0.1:" + port);
    }

    private static boolean accepts(int port) {
        try (Socket _ = new Socket(InetAddress.getLoopbackAddress(), port)) {
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }

    @Override
    public void close() throws IOException {
        program.close();
    }
}
