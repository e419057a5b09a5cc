package io.kvferry.cli;

import io.kvferry.spi.PeerAddress;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A server command of this program in a process of its own, which ends with this one. */
final class ServerProcess implements AutoCloseable {
    private static final Duration START = Duration.ofSeconds(60);
    private static final Duration STOP = Duration.ofSeconds(15);
    private static final String READY = "ready ";

    private final String command;
    private final Process process;
    private final CompletableFuture<String> ready = new CompletableFuture<>();
    private final CompletableFuture<Void> errorsEnded = new CompletableFuture<>();
    private volatile String complaint = "";

    private ServerProcess(String command, Process process) {
        this.command = command;
        this.process = process;
        read(
                "kvferry-child-out",
                process.getInputStream(),
                line -> {
                    if (line.startsWith(READY)) {
                        ready.complete(line.substring(READY.length()));
                    }
                },
                () -> ready.complete(""));
        read("kvferry-child-err", process.getErrorStream(), line -> complaint = line, () -> errorsEnded.complete(null));
    }

    /** Starts {@code kvferry serve} and waits until it is ready. */
    static ServerProcess start(List<String> serveArguments) throws IOException {
        ServerProcess server = launch("serve", serveArguments);
        PeerAddress ignored = server.address();
        return server;
    }

    /** Starts a command that listens and says when it is ready; {@link #address()} waits for that. */
    static ServerProcess launch(String command, List<String> arguments) throws IOException {
        List<String> line = new ArrayList<>();
        line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        line.add("-XX:+UseSerialGC");
        line.add("--enable-native-access=ALL-UNNAMED");
        line.add("-cp");
        line.add(System.getProperty("java.class.path"));
        line.add(Main.class.getName());
        line.add(command);
        line.add("--listen");
        line.add("127.0.0.1:0");
        line.add("--until-stdin-ends");
        line.addAll(arguments);
        return new ServerProcess(command, new ProcessBuilder(line).start());
    }

    /** Waits until it is ready; where it cannot be, it is ended and the failure says what it said last. */
    PeerAddress address() throws IOException {
        try {
            String address = ready.get(START.toNanos(), TimeUnit.NANOSECONDS);
            if (!address.isEmpty()) {
                return PeerAddress.parse(address);
            }
            errorsEnded.get(STOP.toNanos(), TimeUnit.NANOSECONDS);
            throw new IOException("'" + command + "' did not start in a process of its own: " + complaint);
        } catch (TimeoutException | ExecutionException e) {
            kill();
            throw new IOException("'" + command + "' was not ready in " + START.toSeconds() + " s", e);
        } catch (InterruptedException e) {
            kill();
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    /** Returns the last line that it wrote to standard error, or an empty one. */
    String complaint() {
        return complaint;
    }

    private interface LineReader {
        void line(String line);
    }

    private static void read(String thread, InputStream stream, LineReader reader, Runnable end) {
        Thread.ofPlatform().daemon().name(thread).start(() -> {
            try (BufferedReader lines = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    reader.line(line);
                }
            } catch (IOException e) {
                // the process is gone
            } finally {
                end.run();
            }
        });
    }

    long pid() {
        return process.pid();
    }

    /** Ends it without a chance to clean up. */
    void kill() {
        process.destroyForcibly();
    }

    @Override
    public void close() {
        try {
            process.getOutputStream().close();
            if (process.waitFor(STOP.toNanos(), TimeUnit.NANOSECONDS)) {
                return;
            }
        } catch (IOException e) {
            // it is gone already, or will be now
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        process.destroyForcibly();
    }
}
