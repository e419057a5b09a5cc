package io.kvferry.cli.bench;

import io.kvferry.cli.message.Fields;
import io.kvferry.engine.Lease;
import io.kvferry.engine.LeaseRequest;
import io.kvferry.engine.Memory;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Payload;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The far side of a benchmark: lends memory and says how much processor time its process has used.
 *
 * <p>Bounded: the memory lent to all clients together, the leases of each, and how long a silent client keeps them.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
public final class BenchTarget implements AutoCloseable {
    private static final Duration LEASE_TIME = Duration.ofMinutes(5);
    private static final Duration IDLE = Duration.ofMinutes(5);
    private static final int MAX_LEASES = 4096;

    private final TransferEngine engine;
    private final long maxMemory;
    private final Ticker ticker = Ticker.system();
    private final Object lock = new Object();
    // guarded by lock
    private final Map<String, Session> sessions = new HashMap<>();

    private final class Session {
        private final PeerIdentity client;
        private final Memory memory;
        private final List<Lease> leases = new ArrayList<>();
        private long usedNanos = ticker.nanos();

        private Session(PeerIdentity client, Memory memory) {
            this.client = client;
            this.memory = memory;
        }

        private synchronized void add(Lease lease) {
            leases.removeIf(other -> other.result().isPresent());
            if (leases.size() == MAX_LEASES) {
                lease.revoke();
                throw refused(
                        TransferErrorCode.RESOURCE_EXHAUSTED, "allowed are " + MAX_LEASES + " leases at one time");
            }
            leases.add(lease);
        }

        private synchronized void close() {
            leases.forEach(Lease::revoke);
            try {
                memory.close(Deadline.after(Duration.ofSeconds(2)));
            } catch (TransferException e) {
                // the engine gives it back once nothing touches it any more
            }
        }
    }

    private BenchTarget(TransferEngine engine, long maxMemory) {
        this.engine = engine;
        this.maxMemory = maxMemory;
    }

    /**
     * Starts to answer.
     *
     * @param engine whose peers are answered
     * @param maxMemory most bytes to lend, to all clients together
     * @return the target; the caller closes it before the engine
     */
    public static BenchTarget start(TransferEngine engine, long maxMemory) {
        BenchTarget target = new BenchTarget(engine, maxMemory);
        engine.onNotify(BenchTopics.OPEN, target::open);
        engine.onNotify(BenchTopics.LEASE, target::lease);
        engine.onNotify(
                BenchTopics.CPU,
                (client, payload) ->
                        Fields.NONE.with("nanos", ProcessorTime.nanos()).payload());
        engine.onNotify(BenchTopics.CLOSE, target::closeSession);
        return target;
    }

    private Payload open(PeerIdentity client, Payload payload) {
        long bytes = Fields.read(payload).number("memory", 1, Long.MAX_VALUE);
        closeIdle();
        String id = TransferId.random().toString();
        synchronized (lock) {
            long lent = sessions.values().stream()
                    .mapToLong(session -> session.memory.region().sizeBytes())
                    .sum();
            if (bytes > maxMemory - lent) {
                throw refused(
                        TransferErrorCode.RESOURCE_EXHAUSTED,
                        "asked for " + bytes + " bytes, free are " + (maxMemory - lent)
                                + "; serve --bench-memory sets this");
            }
            sessions.put(id, new Session(client, engine.allocate(bytes)));
        }
        return Fields.NONE.with("session", id).payload();
    }

    private Payload lease(PeerIdentity client, Payload payload) {
        Fields request = Fields.read(payload);
        Session session = find(request, client);
        long size = session.memory.region().sizeBytes();
        long block = request.number("block", 1, size);
        int count = (int) request.number("count", 1, Math.min(BenchCase.MAX_BLOCKS, size / block));
        int repeat = (int) request.number("repeat", 1, Math.min(BenchTopics.MAX_REPEAT, size / (block * count)));
        long offset = request.number("offset", 0, size - block * count * repeat);
        boolean standing = request.number("standing", 0, 1) == 1;
        Operation access = request.number("write", 0, 1) == 1 ? Operation.WRITE : Operation.READ;
        Fields answer = Fields.NONE;
        for (int i = 0; i < repeat; i++) {
            TransferId id = TransferId.random();
            long start = offset + i * block * count;
            BlockList blocks = BlockList.uniform(session.memory.region(), start / block, start, block, count);
            session.add(engine.offer(
                    new LeaseRequest(id, access, blocks, client.nodeId(), standing, null), Deadline.after(LEASE_TIME)));
            answer = answer.with("transfer." + i, id);
        }
        return answer.payload();
    }

    private Payload closeSession(PeerIdentity client, Payload payload) {
        Fields request = Fields.read(payload);
        Session session = find(request, client);
        synchronized (lock) {
            sessions.remove(request.text("session"));
        }
        session.close();
        return Payload.EMPTY;
    }

    private Session find(Fields request, PeerIdentity client) {
        synchronized (lock) {
            Session session = sessions.get(request.text("session"));
            if (session == null || !session.client.equals(client)) {
                throw refused(
                        TransferErrorCode.LEASE_ENDED, "there is no such session; it may have been idle too long");
            }
            session.usedNanos = ticker.nanos();
            return session;
        }
    }

    private void closeIdle() {
        long limit = ticker.nanos() - IDLE.toNanos();
        List<Session> stale;
        synchronized (lock) {
            stale = sessions.values().stream()
                    .filter(session -> session.usedNanos - limit < 0)
                    .toList();
            sessions.values().removeAll(stale);
        }
        stale.forEach(Session::close);
    }

    private static TransferException refused(TransferErrorCode code, String detail) {
        return new TransferException(code, Stage.OFFER, detail);
    }

    /** Takes all memory back. */
    @Override
    public void close() {
        List<Session> all;
        synchronized (lock) {
            all = List.copyOf(sessions.values());
            sessions.clear();
        }
        all.forEach(Session::close);
    }
}
