package io.kvferry.cli.file;

import io.kvferry.cli.message.Fields;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.Payload;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Lets clients fetch offered files and put files into a folder, through windows of leased memory.
 *
 * <p>Everything a client can make it hold is bounded: sessions, windows per session, and how long either lasts. A lease is
 * for the one client, read-only for fetch, and ends by itself.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
public final class FileServer implements AutoCloseable {
    /** How long an answer waits for a sum that is being computed, before the client is asked to ask again. */
    private static final Duration SUM_WAIT = Duration.ofSeconds(1);

    private final TransferEngine engine;
    private final OfferedFiles offered;
    private final @Nullable AcceptedFolder accepted;
    private final Limits limits;
    private final FileSessions sessions;
    private final ScheduledExecutorService background;
    private final FileSums sums;

    /**
     * Bounds on what clients can make a server hold.
     *
     * @param windowBytes one window
     * @param windowsPerFile windows of one file in flight
     * @param maxFiles files at one time
     * @param maxFilesPerClient the same, per client
     * @param leaseTime how long a window is leased
     * @param idle how long a session lasts without a message
     */
    public record Limits(
            int windowBytes,
            int windowsPerFile,
            int maxFiles,
            int maxFilesPerClient,
            Duration leaseTime,
            Duration idle) {
        /** 2 windows of 32 MiB keep disk and network busy at the same time; 16 files then need 1 GiB. */
        public static final Limits DEFAULT =
                new Limits(32 << 20, 2, 16, 4, Duration.ofSeconds(30), Duration.ofSeconds(60));
    }

    private FileServer(TransferEngine engine, OfferedFiles offered, @Nullable AcceptedFolder accepted, Limits limits) {
        this.engine = engine;
        this.offered = offered;
        this.accepted = accepted;
        this.limits = limits;
        this.sessions = new FileSessions(limits.maxFiles(), limits.maxFilesPerClient(), limits.idle(), Ticker.system());
        this.background = Executors.newScheduledThreadPool(
                2, Thread.ofPlatform().daemon().name("kvferry-files-", 0).factory());
        this.sums = new FileSums(background);
    }

    /**
     * Starts to answer.
     *
     * @param engine whose peers are answered
     * @param offered what may be fetched
     * @param accepted where files may be put, or null for nowhere
     * @param limits bounds
     * @return the server; the caller closes it before the engine
     */
    public static FileServer start(
            TransferEngine engine, OfferedFiles offered, @Nullable AcceptedFolder accepted, Limits limits) {
        FileServer server = new FileServer(engine, offered, accepted, limits);
        server.answer(FileTopics.OPEN, server::open);
        server.answer(FileTopics.READ, server::read);
        server.answer(FileTopics.PUT, server::put);
        server.answer(FileTopics.WRITE, server::write);
        server.answer(FileTopics.APPLIED, server::applied);
        server.answer(FileTopics.COMMIT, server::commit);
        server.answer(FileTopics.CLOSE, server::closeSession);
        long sweep = Math.max(1, limits.idle().toMillis() / 4);
        // its future is of no use: it ends with the server
        Future<?> _ = server.background.scheduleWithFixedDelay(
                server.sessions::closeIdle, sweep, sweep, TimeUnit.MILLISECONDS);
        return server;
    }

    /** One kind of answer. */
    private interface Answer {
        Fields to(PeerIdentity client, Fields request) throws IOException;
    }

    private void answer(String topic, Answer answer) {
        engine.onNotify(topic, (client, payload) -> answer(client, payload, answer));
    }

    private static Payload answer(PeerIdentity client, Payload payload, Answer answer) {
        try {
            return answer.to(client, Fields.read(payload)).payload();
        } catch (IOException e) {
            // a path of this machine is nothing for a client to see
            throw new TransferException(
                    TransferErrorCode.TRANSFER_FAILED,
                    Stage.TRANSFER,
                    "the server cannot use the file: " + e.getClass().getSimpleName(),
                    e);
        }
    }

    private Fields open(PeerIdentity client, Fields request) throws IOException {
        sessions.checkRoom(client);
        Path path = offered.resolve(request.text("name"));
        FileStamp stamp = FileStamp.of(path);
        Optional<String> sha256 = await(sums.of(path, stamp));
        if (sha256.isEmpty()) {
            return Fields.NONE.with("hashing", stamp.sizeBytes());
        }
        OutgoingFile file = new OutgoingFile(engine, client, path, stamp, limits);
        return Fields.NONE
                .with("session", sessions.add(file))
                .with("size", stamp.sizeBytes())
                .with("modified", stamp.modified())
                .with("sha256", sha256.get())
                .with("window", limits.windowBytes());
    }

    private static Optional<String> await(CompletableFuture<String> sum) throws IOException {
        try {
            return Optional.of(sum.get(SUM_WAIT.toMillis(), TimeUnit.MILLISECONDS));
        } catch (TimeoutException e) {
            return Optional.empty();
        } catch (ExecutionException e) {
            throw new IOException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TransferException(TransferErrorCode.SHUTTING_DOWN, Stage.PREPARE, "the server is closing", e);
        }
    }

    private Fields read(PeerIdentity client, Fields request) throws IOException {
        OutgoingFile file = sessions.find(request.text("session"), client, OutgoingFile.class);
        Optional<TransferId> transfer = file.lease(window(request, file.plan()));
        return transfer.isPresent()
                ? Fields.NONE.with("transfer", transfer.get())
                : Fields.NONE.with("changed", "true");
    }

    private Fields put(PeerIdentity client, Fields request) throws IOException {
        AcceptedFolder folder = accepted;
        if (folder == null) {
            throw new TransferException(
                    TransferErrorCode.ACCESS_DENIED,
                    Stage.PREPARE,
                    "this server takes no files; start it with --accept and a folder");
        }
        sessions.checkRoom(client);
        IncomingFile file = new IncomingFile(
                engine, client, folder, request.text("name"), request.number("size", 0, WindowPlan.MAX_FILE), limits);
        return Fields.NONE.with("session", sessions.add(file)).with("window", limits.windowBytes());
    }

    private Fields write(PeerIdentity client, Fields request) {
        IncomingFile file = sessions.find(request.text("session"), client, IncomingFile.class);
        return Fields.NONE.with("transfer", file.lease(window(request, file.plan())));
    }

    private Fields applied(PeerIdentity client, Fields request) throws IOException {
        IncomingFile file = sessions.find(request.text("session"), client, IncomingFile.class);
        file.applied(window(request, file.plan()));
        return Fields.NONE;
    }

    private Fields commit(PeerIdentity client, Fields request) throws IOException {
        IncomingFile file = sessions.find(request.text("session"), client, IncomingFile.class);
        String other = file.commit(request.text("sha256"));
        return other == null ? Fields.NONE : Fields.NONE.with("differs", other);
    }

    private Fields closeSession(PeerIdentity client, Fields request) {
        sessions.close(request.text("session"), client);
        return Fields.NONE;
    }

    private static int window(Fields request, WindowPlan plan) {
        return (int) request.number("window", 0, plan.count() - 1L);
    }

    /** How many files clients are at work on. */
    int openFiles() {
        return sessions.size();
    }

    /** Ends every session and forgets what was half received. */
    @Override
    public void close() {
        background.shutdownNow();
        sessions.closeAll();
    }
}
