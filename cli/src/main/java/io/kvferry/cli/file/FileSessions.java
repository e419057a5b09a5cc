package io.kvferry.cli.file;

import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The sessions of a server: so many and no more, each for the client that opened it, none for ever.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class FileSessions {
    private static final Logger LOG = LoggerFactory.getLogger(FileSessions.class);

    private final int max;
    private final int maxPerClient;
    private final Duration idle;
    private final Ticker ticker;
    private final Object lock = new Object();
    // guarded by lock
    private final Map<String, FileSession> open = new HashMap<>();

    FileSessions(int max, int maxPerClient, Duration idle, Ticker ticker) {
        this.max = max;
        this.maxPerClient = maxPerClient;
        this.idle = idle;
        this.ticker = ticker;
    }

    /** Refuses a client before anything is opened for it. */
    void checkRoom(PeerIdentity client) {
        synchronized (lock) {
            long own = open.values().stream()
                    .filter(session -> session.client().equals(client))
                    .count();
            if (open.size() >= max || own >= maxPerClient) {
                throw new TransferException(
                        TransferErrorCode.RESOURCE_EXHAUSTED,
                        Stage.PREPARE,
                        "the server is busy with " + open.size() + " files, of this client " + own + "; allowed are "
                                + max + ", per client " + maxPerClient);
            }
        }
    }

    /** Returns the session's name, which nobody can guess. */
    String add(FileSession session) throws IOException {
        String id = TransferId.random().toString();
        session.used(ticker.nanos());
        try {
            synchronized (lock) {
                checkRoom(session.client());
                open.put(id, session);
            }
        } catch (TransferException e) {
            session.close();
            throw e;
        }
        return id;
    }

    <S extends FileSession> S find(String id, PeerIdentity client, Class<S> type) {
        FileSession session;
        synchronized (lock) {
            session = open.get(id);
        }
        if (session == null || !session.client().equals(client) || !type.isInstance(session)) {
            throw new TransferException(
                    TransferErrorCode.LEASE_ENDED,
                    Stage.PREPARE,
                    "there is no such session; it may have been idle too long");
        }
        session.used(ticker.nanos());
        return type.cast(session);
    }

    void close(String id, PeerIdentity client) {
        FileSession session = find(id, client, FileSession.class);
        synchronized (lock) {
            open.remove(id);
        }
        close(session);
    }

    void closeIdle() {
        long limit = ticker.nanos() - idle.toNanos();
        List<FileSession> stale;
        synchronized (lock) {
            stale = open.values().stream()
                    .filter(session -> session.isIdleSince(limit))
                    .toList();
            open.values().removeAll(stale);
        }
        stale.forEach(FileSessions::close);
    }

    void closeAll() {
        List<FileSession> all;
        synchronized (lock) {
            all = List.copyOf(open.values());
            open.clear();
        }
        all.forEach(FileSessions::close);
    }

    int size() {
        synchronized (lock) {
            return open.size();
        }
    }

    private static void close(FileSession session) {
        try {
            session.close();
        } catch (IOException | RuntimeException e) {
            LOG.warn("a session of {} was not closed cleanly: {}", session.client(), e.toString());
        }
    }
}
