package io.kvferry.cli.file;

import io.kvferry.cli.message.Fields;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferException;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Future;

/**
 * Sends one file: windows are written into memory that the server leases, and the server gives the file its name once both
 * sides have the same sum.
 *
 * <p><b>Threads:</b> Confined to the thread that uses it.
 */
public final class FileSend {
    private final TransferEngine engine;
    private final PeerAddress server;
    private final Path source;
    private final String name;
    private final int retries;
    private final Progress progress;
    private long movedBytes;

    /**
     * Prepares to send.
     *
     * @param engine moves the bytes
     * @param server where the file goes
     * @param source the file
     * @param name what it shall be called there
     * @param retries how often to start over after an error that may pass
     * @param progress hears how far it is
     */
    public FileSend(
            TransferEngine engine, PeerAddress server, Path source, String name, int retries, Progress progress) {
        this.engine = engine;
        this.server = server;
        this.source = source;
        this.name = FileName.check(name);
        this.retries = retries;
        this.progress = progress;
    }

    /**
     * Sends the file.
     *
     * @param deadline for all of it
     * @return what was moved
     * @throws IOException if the file cannot be read here
     * @throws TransferException if it cannot be moved, or the server refuses it
     * @throws VerificationException if the server read another sum, or the file changed meanwhile
     */
    public FileReport run(Deadline deadline) throws IOException {
        Ticker ticker = Ticker.system();
        long start = ticker.nanos();
        for (int failures = 1; ; failures++) {
            FileStamp stamp = FileStamp.of(source);
            try (FileChannel file = FileChannel.open(source, StandardOpenOption.READ);
                    FileClient client = new FileClient(engine, server, deadline)) {
                String sha256 = send(client, file, stamp);
                return new FileReport(name, stamp.sizeBytes(), movedBytes, sha256, ticker.nanos() - start);
            } catch (EOFException e) {
                throw changed();
            } catch (TransferException e) {
                boolean met = movedBytes > 0;
                if (!met || failures > retries || !e.error().isRetryable() || deadline.isExpired()) {
                    throw e;
                }
                progress.note(e.code() + ": starting over");
                Pause.before(failures, deadline);
            }
        }
    }

    private VerificationException changed() {
        return new VerificationException(source + " was changed while it was sent; nothing was kept, send it again");
    }

    private String send(FileClient client, FileChannel file, FileStamp stamp) throws IOException {
        Fields answer =
                client.ask(FileTopics.PUT, Fields.NONE.with("name", name).with("size", stamp.sizeBytes()));
        String session = answer.text("session");
        int window = (int) answer.number("window", WindowPlan.MIN_WINDOW, WindowPlan.MAX_WINDOW);
        try {
            String sha256 = sendWindows(client, session, new WindowPlan(stamp.sizeBytes(), window), file);
            if (!stamp.equals(FileStamp.of(source))) {
                throw changed();
            }
            Fields verdict = client.ask(
                    FileTopics.COMMIT, Fields.NONE.with("session", session).with("sha256", sha256));
            if (verdict.has("differs")) {
                throw new VerificationException(name + " was sent with SHA-256 " + sha256 + ", the server read "
                        + verdict.text("differs") + "; nothing was kept, send it again");
            }
            return sha256;
        } finally {
            client.farewell(session);
        }
    }

    private String sendWindows(FileClient client, String session, WindowPlan plan, FileChannel file)
            throws IOException {
        MessageDigest digest = FileBytes.sha256();
        Deque<Future<Integer>> inFlight = new ArrayDeque<>();
        int next = 0;
        for (int applied = 0; applied < plan.count(); applied++) {
            while (next < plan.count() && inFlight.size() < FileClient.WINDOWS_IN_FLIGHT) {
                int window = next++;
                ByteBuffer bytes = client.memory(window, plan)
                        .segment()
                        .asSlice(0, plan.length(window))
                        .asByteBuffer();
                FileBytes.read(file, plan.offset(window), bytes);
                digest.update(bytes.flip());
                inFlight.add(client.start(() -> sendWindow(client, session, plan, window), window));
            }
            client.join(inFlight.remove());
            client.ask(FileTopics.APPLIED, Fields.NONE.with("session", session).with("window", applied));
            movedBytes += plan.length(applied);
            progress.at(plan.offset(applied) + plan.length(applied), plan.sizeBytes());
        }
        return FileBytes.hex(digest);
    }

    private static void sendWindow(FileClient client, String session, WindowPlan plan, int window) {
        Fields answer = client.ask(
                FileTopics.WRITE, Fields.NONE.with("session", session).with("window", window));
        client.move(Operation.WRITE, FileClient.transfer(answer), plan, window);
    }
}
