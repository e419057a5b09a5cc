package io.kvferry.cli.file;

import io.kvferry.engine.KvFerryConfig;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.Deadline;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.LongConsumer;

/** A server and a client over loopback, with windows small enough that small files have many. */
final class FileExchange implements AutoCloseable {
    static final int WINDOW = 64 << 10;
    static final FileServer.Limits LIMITS =
            new FileServer.Limits(WINDOW, 2, 4, 2, Duration.ofSeconds(20), Duration.ofSeconds(60));

    final TransferEngine serverEngine = open("server");
    final TransferEngine clientEngine = open("client");
    final Path offered;
    final Path inbox;
    final Path local;
    final List<String> notes = new ArrayList<>();
    final FileServer server;

    FileExchange(Path folder) throws IOException {
        this(folder, false, 1 << 20);
    }

    FileExchange(Path folder, boolean overwrite, long maxFileBytes) throws IOException {
        offered = Files.createDirectories(folder.resolve("offered"));
        inbox = Files.createDirectories(folder.resolve("inbox"));
        local = Files.createDirectories(folder.resolve("local"));
        server = FileServer.start(
                serverEngine,
                OfferedFiles.of(List.of(offered)),
                AcceptedFolder.of(inbox, overwrite, maxFileBytes),
                LIMITS);
    }

    static TransferEngine open(String node) {
        return TransferEngine.open(
                KvFerryConfig.builder().set("kvferry.node-id", node).build());
    }

    static byte[] randomFile(Path file, int size) throws IOException {
        byte[] content = new byte[size];
        new Random(size).nextBytes(content);
        Files.write(file, content);
        return content;
    }

    static Deadline soon() {
        return Deadline.after(Duration.ofSeconds(30));
    }

    FileReport fetch(String name, Path target) throws IOException {
        return fetch(name, target, done -> {});
    }

    /** {@code each} hears the bytes that are kept after each window. */
    FileReport fetch(String name, Path target, LongConsumer each) throws IOException {
        return fetch(clientEngine, name, target, each);
    }

    FileReport fetch(TransferEngine client, String name, Path target, LongConsumer each) throws IOException {
        return new FileFetch(client, serverEngine.address(), name, target, false, 2, progress(each)).run(soon());
    }

    FileReport send(Path file, String name) throws IOException {
        return send(file, name, done -> {});
    }

    FileReport send(Path file, String name, LongConsumer each) throws IOException {
        return new FileSend(clientEngine, serverEngine.address(), file, name, 2, progress(each)).run(soon());
    }

    Progress progress(LongConsumer each) {
        return new Progress() {
            @Override
            public void at(long doneBytes, long totalBytes) {
                each.accept(doneBytes);
            }

            @Override
            public void note(String line) {
                notes.add(line);
            }
        };
    }

    /** All that lies in a folder, without what lies in folders in it. */
    static List<String> names(Path folder) throws IOException {
        try (var files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Override
    public void close() {
        server.close();
        clientEngine.close();
        serverEngine.close();
    }
}
