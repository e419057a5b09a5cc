package io.kvferry.control.etcd;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.KeyValue;
import io.etcd.jetcd.kv.GetResponse;
import io.etcd.jetcd.kv.TxnResponse;
import io.etcd.jetcd.op.Cmp;
import io.etcd.jetcd.op.CmpTarget;
import io.etcd.jetcd.op.Op;
import io.etcd.jetcd.options.DeleteOption;
import io.etcd.jetcd.options.GetOption;
import io.etcd.jetcd.options.OptionsUtil;
import io.etcd.jetcd.options.PutOption;
import io.grpc.Status;
import io.kvferry.control.cluster.ClusterStore;
import io.kvferry.control.cluster.StoreEntry;
import io.kvferry.control.cluster.StoreListener;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/**
 * A store in etcd. Revisions are etcd's own, leases are etcd's leases, changes come from its watch.
 *
 * <p><b>Threads:</b> Thread-safe. Callers wait for etcd in calls with a deadline; one thread of the store calls listeners.
 */
final class EtcdStore implements ClusterStore {
    /** Entries read in one request: few enough that the largest ones fit into a message. */
    static final int PAGE = 32;

    /** Etcd's own bound. */
    private static final long MAX_TTL_SECONDS = 9_000_000_000L;

    private final Client client;
    private final String endpoints;
    private final Scheduler scheduler;
    private final Ticker ticker;
    private final ExecutorService listeners = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("kvferry-etcd-listeners").factory());
    private final List<PrefixWatch> watches = new CopyOnWriteArrayList<>();
    private final LeaseRenewals renewals;
    private volatile boolean answers = true;
    private volatile boolean closed;

    private EtcdStore(Client client, EtcdConnection connection, String endpoints, Scheduler scheduler, Ticker ticker) {
        this.client = client;
        this.endpoints = endpoints;
        this.scheduler = scheduler;
        this.ticker = ticker;
        this.renewals = new LeaseRenewals(connection, this::renewed);
    }

    /** Takes the client over, and fails unless etcd answers. */
    static EtcdStore open(
            Client client,
            EtcdConnection connection,
            String endpoints,
            Scheduler scheduler,
            Ticker ticker,
            Deadline deadline) {
        EtcdStore store = new EtcdStore(client, connection, endpoints, scheduler, ticker);
        try {
            store.get("probe", deadline);
            return store;
        } catch (TransferException e) {
            store.close(deadline);
            throw e;
        }
    }

    @Override
    public long grant(Duration ttl, Deadline deadline) {
        long seconds = Math.clamp(ttl.plusMillis(999).toSeconds(), 1, MAX_TTL_SECONDS);
        return await(() -> client.getLeaseClient().grant(seconds), deadline).getID();
    }

    @Override
    public void renew(long lease) {
        renewals.renew(lease);
    }

    private void renewed(Status status) {
        answers = status.isOk();
        if (status.getCode() == Status.Code.UNAUTHENTICATED && !closed) {
            // the client asks for a new token when a call of its own is refused
            var ignored = client.getKVClient().get(bytes("probe"));
        }
    }

    @Override
    public void revoke(long lease, Deadline deadline) {
        try {
            await(() -> client.getLeaseClient().revoke(lease), deadline);
        } catch (TransferException e) {
            if (e.code() != TransferErrorCode.LEASE_ENDED) {
                throw e;
            }
        }
    }

    @Override
    public Optional<StoreEntry> get(String key, Deadline deadline) {
        GetResponse found = await(() -> client.getKVClient().get(bytes(key)), deadline);
        return found.getKvs().stream().findFirst().map(EtcdStore::entry);
    }

    @Override
    public OptionalLong replace(String key, byte[] value, long lease, long expectedRevision, Deadline deadline) {
        Op write = Op.put(
                bytes(key),
                ByteSequence.from(value),
                PutOption.builder().withLeaseId(lease).build());
        TxnResponse done = ifRevisionIs(key, expectedRevision, write, deadline);
        return done.isSucceeded() ? OptionalLong.of(done.getHeader().getRevision()) : OptionalLong.empty();
    }

    @Override
    public boolean remove(String key, long expectedRevision, Deadline deadline) {
        return ifRevisionIs(key, expectedRevision, Op.delete(bytes(key), DeleteOption.DEFAULT), deadline)
                .isSucceeded();
    }

    /** A key that is not there has revision 0, to etcd too. */
    private TxnResponse ifRevisionIs(String key, long revision, Op change, Deadline deadline) {
        Cmp unchanged = new Cmp(bytes(key), Cmp.Op.EQUAL, CmpTarget.modRevision(revision));
        return await(() -> client.getKVClient().txn().If(unchanged).Then(change).commit(), deadline);
    }

    @Override
    public void watch(String prefix, StoreListener listener, Deadline deadline) {
        PrefixWatch watch = new PrefixWatch(this, prefix, listener);
        watches.add(watch);
        try {
            await(() -> CompletableFuture.runAsync(() -> watch.start(deadline), listeners), deadline);
        } catch (TransferException e) {
            watches.remove(watch);
            watch.close();
            throw e;
        }
    }

    @Override
    public boolean isShared() {
        return true;
    }

    @Override
    public boolean isDurable() {
        return true;
    }

    @Override
    public boolean isAvailable() {
        return answers && !closed;
    }

    @Override
    public void close(Deadline deadline) {
        if (closed) {
            return;
        }
        closed = true;
        watches.forEach(PrefixWatch::close);
        renewals.close();
        listeners.shutdownNow();
        client.close();
    }

    Client client() {
        return client;
    }

    boolean isClosed() {
        return closed;
    }

    /** Runs something on the thread that calls listeners, after a pause. */
    void later(Duration pause, Runnable task) {
        try {
            var ignored = scheduler.schedule(Deadline.after(pause, ticker), () -> onListenerThread(task));
        } catch (TransferException e) {
            // the scheduler closes, so this store will
        }
    }

    /** Runs something on the thread that calls listeners, in order. */
    void onListenerThread(Runnable task) {
        if (!closed) {
            try {
                listeners.execute(task);
            } catch (RejectedExecutionException e) {
                // closed in between
            }
        }
    }

    Deadline deadline(Duration away) {
        return Deadline.after(away, ticker);
    }

    /** The entries under a prefix from a key on, as they were at a revision; 0 for now. */
    GetResponse page(String prefix, ByteSequence from, long revision, Deadline deadline) {
        GetOption option = GetOption.builder()
                .withRange(OptionsUtil.prefixEndOf(bytes(prefix)))
                .withLimit(PAGE)
                .withRevision(revision)
                .build();
        return await(() -> client.getKVClient().get(from, option), deadline);
    }

    void unreachable() {
        answers = false;
    }

    private <T> T await(Supplier<CompletableFuture<T>> call, Deadline deadline) {
        if (closed) {
            throw EtcdErrors.closed();
        }
        CompletableFuture<T> answer;
        try {
            answer = call.get();
        } catch (RuntimeException e) {
            // what the client does once it is closed
            throw failed(e);
        }
        try {
            T value = answer.get(Math.max(0, deadline.remainingNanos()), TimeUnit.NANOSECONDS);
            answers = true;
            return value;
        } catch (TimeoutException e) {
            answer.cancel(false);
            answers = false;
            throw EtcdErrors.late(endpoints);
        } catch (ExecutionException e) {
            throw failed(e.getCause() == null ? e : e.getCause());
        } catch (InterruptedException e) {
            answer.cancel(false);
            Thread.currentThread().interrupt();
            throw EtcdErrors.interrupted();
        }
    }

    private TransferException failed(Throwable cause) {
        if (closed) {
            return EtcdErrors.closed();
        }
        TransferException failure = cause instanceof TransferException known ? known : EtcdErrors.of(cause, endpoints);
        if (failure.code() == TransferErrorCode.CONTROL_FAILED) {
            answers = false;
        }
        return failure;
    }

    static StoreEntry entry(KeyValue pair) {
        return new StoreEntry(text(pair), pair.getValue().getBytes(), pair.getModRevision(), pair.getLease());
    }

    static String text(KeyValue pair) {
        return pair.getKey().toString(StandardCharsets.UTF_8);
    }

    static ByteSequence bytes(String text) {
        return ByteSequence.from(text, StandardCharsets.UTF_8);
    }
}
