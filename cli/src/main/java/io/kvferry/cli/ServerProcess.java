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
import org.jspecify.annotations.Nullable;

/** A {@code kvferry serve} in a process of its own, which ends with this one. */
final class ServerProcess implements AutoCloseable {
    private static final Duration START = Duration.ofSeconds(60);
    private static final Duration STOP = Duration.ofSeconds(15);
    private static final String READY = "ready ";

    private final Process process;
    private final PeerAddress address;

    private ServerProcess(Process process, PeerAddress address) {
        this.process = process;
        this.address = address;
    }

    /** Starts it and waits until it is ready. */
    static ServerProcess start(List<String> serveArguments) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("--enable-native-access=ALL-UNNAMED");
        command.add("-cp");
        command.add(System.getProperty("java.class.path"));
        command.add(Main.class.getName());
        command.add("serve");
        command.add("--listen");
        command.add("127.0.0.1:0");
        command.add("--until-stdin-ends");
        command.addAll(serveArguments);
        Process process = new ProcessBuilder(command).start();
        CompletableFuture<String> ready = new CompletableFuture<>();
        CompletableFuture<@Nullable String> complaint = new CompletableFuture<>();
        read(
                "kvferry-child-out",
                process.getInputStream(),
                line -> {
                    if (line.startsWith(READY)) {
                        ready.complete(line.substring(READY.length()));
                    }
                },
                () -> ready.complete(""));
        read("kvferry-child-err", process.getErrorStream(), complaint::complete, () -> complaint.complete(null));
        try {
            String address = ready.get(START.toNanos(), TimeUnit.NANOSECONDS);
            if (!address.isEmpty()) {
                return new ServerProcess(process, PeerAddress.parse(address));
            }
            String reason = complaint.get(STOP.toNanos(), TimeUnit.NANOSECONDS);
            throw new IOException("the second process did not start: " + reason);
        } catch (TimeoutException | ExecutionException e) {
            process.destroyForcibly();
            throw new IOException("the second process was not ready in " + START.toSeconds() + " s", e);
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
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

    PeerAddress address() {
        return address;
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
