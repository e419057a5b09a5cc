package io.kvferry.cli.file;

import io.kvferry.cli.message.Fields;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Future;

/**
 * Fetches one file: windows arrive in memory, are written to a part in order, and the part gets its name once its sum is the
 * one the server promised.
 *
 * <p><b>Threads:</b> Confined to the thread that uses it.
 */
public final class FileFetch {
    private final TransferEngine engine;
    private final PeerAddress server;
    private final String name;
    private final Path target;
    private final boolean overwrite;
    private final int retries;
    private final Progress progress;
    private long movedBytes;

    /**
     * Prepares a fetch.
     *
     * @param engine moves the bytes
     * @param server where the file is
     * @param name its name there
     * @param target what it shall be called here
     * @param overwrite whether it may replace a file
     * @param retries how often to go on after an error that may pass
     * @param progress hears how far it is
     */
    public FileFetch(
            TransferEngine engine,
            PeerAddress server,
            String name,
            Path target,
            boolean overwrite,
            int retries,
            Progress progress) {
        this.engine = engine;
        this.server = server;
        this.name = FileName.check(name);
        this.target = target;
        this.overwrite = overwrite;
        this.retries = retries;
        this.progress = progress;
    }

    /**
     * Fetches the file.
     *
     * @param deadline for all of it
     * @return what was moved
     * @throws IOException if the file cannot be written here
     * @throws TransferException if it cannot be moved
     * @throws VerificationException if it is not the promised one
     */
    public FileReport run(Deadline deadline) throws IOException {
        PartFile.checkFree(target, overwrite);
        Ticker ticker = Ticker.system();
        long start = ticker.nanos();
        for (int failures = 0; ; ) {
            long before = movedBytes;
            try (FileClient client = new FileClient(engine, server, deadline)) {
                Fields file = open(client, deadline);
                String sha256 = fetch(client, file);
                return new FileReport(name, size(file), movedBytes, sha256, ticker.nanos() - start);
            } catch (TransferException e) {
                failures = movedBytes > before ? 1 : failures + 1;
                boolean met = movedBytes > 0;
                if (!met || failures > retries || !e.error().isRetryable() || deadline.isExpired()) {
                    throw e;
                }
                progress.note(e.code() + ": trying again");
                Pause.before(failures, deadline);
            }
        }
    }

    private Fields open(FileClient client, Deadline deadline) {
        Fields answer = client.ask(FileTopics.OPEN, Fields.NONE.with("name", name));
        if (answer.has("hashing")) {
            progress.note("the server is computing the sum of the file");
        }
        while (answer.has("hashing")) {
            // the server answers late by itself; this is for one that does not
            Pause.before(1, deadline);
            answer = client.ask(FileTopics.OPEN, Fields.NONE.with("name", name));
        }
        return answer;
    }

    private static long size(Fields file) {
        return file.number("size", 0, WindowPlan.MAX_FILE);
    }

    private String fetch(FileClient client, Fields file) throws IOException {
        String session = file.text("session");
        String sha256 = file.text("sha256");
        int window = (int) file.number("window", WindowPlan.MIN_WINDOW, WindowPlan.MAX_WINDOW);
        WindowPlan plan = new WindowPlan(size(file), window);
        String identity = plan.sizeBytes() + " " + sha256 + " " + file.text("modified") + " " + window;
        try (PartFile part = PartFile.open(target, plan, identity, progress::note)) {
            fetchWindows(client, session, plan, part);
            part.finish(sha256, overwrite);
        } finally {
            client.farewell(session);
        }
        return sha256;
    }

    private void fetchWindows(FileClient client, String session, WindowPlan plan, PartFile part) throws IOException {
        Deque<Future<Integer>> inFlight = new ArrayDeque<>();
        int next = part.windows();
        while (part.windows() < plan.count()) {
            while (next < plan.count() && inFlight.size() < FileClient.WINDOWS_IN_FLIGHT) {
                int window = next++;
                client.memory(window, plan);
                inFlight.add(client.start(() -> fetchWindow(client, session, plan, window), window));
            }
            int window = part.windows();
            client.join(inFlight.remove());
            int length = plan.length(window);
            part.append(client.memory(window, plan).segment().asSlice(0, length).asByteBuffer());
            movedBytes += length;
            progress.at(plan.offset(window) + length, plan.sizeBytes());
        }
    }

    private void fetchWindow(FileClient client, String session, WindowPlan plan, int window) {
        Fields answer =
                client.ask(FileTopics.READ, Fields.NONE.with("session", session).with("window", window));
        if (answer.has("changed")) {
            throw new VerificationException(name + " was changed at the server while it was fetched; fetch it again");
        }
        client.move(Operation.READ, FileClient.transfer(answer), plan, window);
    }
}
