package io.kvferry.cli.file;

import io.kvferry.cli.message.Fields;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferEngine;
import io.kvferry.engine.TransferRequest;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * What fetching and sending have in common: messages to the server, windows of memory, and transfers that are retried.
 *
 * <p><b>Threads:</b> Confined to the thread that uses it; the windows in flight run on threads of its own.
 */
final class FileClient implements AutoCloseable {
    static final int WINDOWS_IN_FLIGHT = 2;

    private static final int ATTEMPTS_PER_WINDOW = 3;
    private static final Duration MESSAGE_TIME = Duration.ofSeconds(20);
    private static final Duration FAREWELL_TIME = Duration.ofSeconds(2);

    private final TransferEngine engine;
    private final PeerAddress server;
    private final Deadline deadline;
    private final List<Memory> windows = new ArrayList<>();
    private final ExecutorService transfers = Executors.newVirtualThreadPerTaskExecutor();

    FileClient(TransferEngine engine, PeerAddress server, Deadline deadline) {
        this.engine = engine;
        this.server = server;
        this.deadline = deadline;
    }

    Fields ask(String topic, Fields request) {
        return Fields.read(engine.notify(server, topic, request.payload(), soon()));
    }

    /** Tells the server that it may forget the session; it will do so anyhow, a little later. */
    void farewell(String session) {
        try {
            engine.notify(
                    server,
                    FileTopics.CLOSE,
                    Fields.NONE.with("session", session).payload(),
                    Deadline.after(FAREWELL_TIME));
        } catch (TransferException e) {
            // the server expires the session by itself
        }
    }

    /** The transfer that the server named. */
    static TransferId transfer(Fields answer) {
        try {
            return TransferId.parse(answer.text("transfer"));
        } catch (IllegalArgumentException e) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, "the server named a transfer that is none", e);
        }
    }

    /** Memory for a window; windows that are this far apart share it. */
    Memory memory(int window, WindowPlan plan) {
        while (windows.size() < WINDOWS_IN_FLIGHT) {
            windows.add(engine.allocate(plan.memoryBytes()));
        }
        return windows.get(window % WINDOWS_IN_FLIGHT);
    }

    Future<Integer> start(Runnable transfer, int window) {
        return transfers.submit(transfer, window);
    }

    /** Moves one window, trying again within its lease where that can help. */
    void move(Operation operation, TransferId id, WindowPlan plan, int window) {
        TransferRequest request = new TransferRequest(
                id,
                1,
                operation,
                server,
                plan.blocks(window, memory(window, plan).region()),
                null,
                null,
                null,
                operation == Operation.WRITE,
                null);
        for (int attempt = 1; ; attempt++) {
            TransferException failure;
            try (Transfer transfer = engine.prepare(request.attempt(attempt), deadline)) {
                transfer.submit();
                TransferResult result = transfer.await(deadline);
                if (result instanceof TransferResult.Completed) {
                    return;
                }
                transfer.awaitQuiescent(soon());
                failure = error(result);
            } catch (TransferException e) {
                failure = e;
            }
            if (attempt == ATTEMPTS_PER_WINDOW || !failure.error().isRetryable() || deadline.isExpired()) {
                throw failure;
            }
            Pause.before(attempt, deadline);
        }
    }

    private static TransferException error(TransferResult result) {
        try {
            result.orThrow();
            throw new IllegalStateException("a completed transfer has no error");
        } catch (TransferException e) {
            return e;
        }
    }

    /** Waits for a window that was started. */
    void join(Future<Integer> window) {
        try {
            window.get(Math.max(1, deadline.remainingNanos()), TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            throw new IllegalStateException(e.getCause());
        } catch (TimeoutException e) {
            throw new TransferException(
                    TransferErrorCode.DEADLINE_EXCEEDED,
                    Stage.TRANSFER,
                    "the file was not through in time; give more with --timeout",
                    e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TransferException(TransferErrorCode.CANCELLED, Stage.TRANSFER, "interrupted", e);
        }
    }

    private Deadline soon() {
        return Deadline.after(MESSAGE_TIME).earlier(deadline);
    }

    /** Ends what is in flight, then gives the memory back. */
    @Override
    public void close() {
        transfers.shutdownNow();
        for (Memory memory : windows) {
            try {
                memory.close(Deadline.after(FAREWELL_TIME));
            } catch (TransferException e) {
                // the engine gives it back once nothing touches it any more
            }
        }
    }
}
