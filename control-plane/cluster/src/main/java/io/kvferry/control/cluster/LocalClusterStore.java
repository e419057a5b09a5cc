package io.kvferry.control.cluster;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A store within this process; in memory alone, or with a journal that makes it last.
 *
 * <p>After a restart every lease that was kept has its full time again: how long nobody was there to keep it alive is not
 * held against the nodes.
 *
 * <p><b>Threads:</b> Thread-safe. A {@link StoreThread} makes all changes and tells listeners. Renewing a lease only writes
 * down when.
 */
final class LocalClusterStore implements ClusterStore {
    private static final Logger LOG = LoggerFactory.getLogger(LocalClusterStore.class);

    private final Ticker ticker;
    private final Scheduler scheduler;
    private final StoreJournal journal;
    private final StoreThread thread;

    /** When each lease ends unless it is renewed. */
    private final Map<Long, Expiry> leases = new ConcurrentHashMap<>();

    // confined to the store's thread
    private final TreeMap<String, StoreEntry> entries = new TreeMap<>();
    private final List<Subscription> subscriptions = new ArrayList<>();
    private long lastRevision;
    private long lastLease;

    LocalClusterStore(Ticker ticker, Scheduler scheduler, StoreJournal journal) {
        this.ticker = ticker;
        this.scheduler = scheduler;
        this.journal = journal;
        this.thread = new StoreThread(journal);
        for (StoreEntry entry : journal.entries()) {
            entries.put(entry.key(), entry);
            lastRevision = Math.max(lastRevision, entry.revision());
        }
        journal.leases().forEach((lease, ttlNanos) -> {
            lastLease = Math.max(lastLease, lease);
            leases.put(lease, new Expiry(lease, ttlNanos));
        });
        entries.values().removeIf(entry -> entry.lease() != NO_LEASE && !leases.containsKey(entry.lease()));
        entries.values().forEach(entry -> bind(entry.key(), entry.lease()));
        thread.start();
        leases.values().forEach(this::watchOver);
    }

    private record Subscription(String prefix, StoreListener listener) {}

    /** A lease, with the reading of the clock at which it ends. */
    private final class Expiry {
        final long lease;
        final long ttlNanos;
        /** Written under it at some time. Confined to the store's thread. */
        final Set<String> keys = new HashSet<>();

        volatile long atNanos;

        Expiry(long lease, long ttlNanos) {
            this.lease = lease;
            this.ttlNanos = ttlNanos;
            renew();
        }

        void renew() {
            atNanos = ticker.nanos() + ttlNanos;
        }
    }

    @Override
    public long grant(Duration ttl, Deadline deadline) {
        return thread.change(deadline, () -> {
            Expiry lease = new Expiry(++lastLease, ttl.toNanos());
            journal.writeLease(lease.lease, lease.ttlNanos);
            leases.put(lease.lease, lease);
            watchOver(lease);
            return lease.lease;
        });
    }

    @Override
    public void renew(long lease) {
        Expiry there = leases.get(lease);
        if (there != null) {
            there.renew();
        }
    }

    @Override
    public void revoke(long lease, Deadline deadline) {
        thread.change(deadline, () -> end(lease));
    }

    /** Looks again when the lease would end now: renewing it does not touch the timer. */
    private void watchOver(Expiry lease) {
        try {
            scheduler.schedule(Deadline.atNanos(lease.atNanos, ticker), () -> {
                if (lease.atNanos - ticker.nanos() > 0) {
                    watchOver(lease);
                } else {
                    // nobody waits for it
                    var ignored = thread.offer(() -> endIfOver(lease));
                }
            });
        } catch (TransferException shuttingDown) {
            LOG.debug("the scheduler is closed; leases do not end any more");
        }
    }

    private boolean endIfOver(Expiry lease) {
        if (leases.get(lease.lease) != lease) {
            return false;
        }
        if (lease.atNanos - ticker.nanos() > 0) {
            watchOver(lease);
            return false;
        }
        return end(lease.lease);
    }

    private boolean end(long lease) {
        Expiry ended = leases.remove(lease);
        if (ended == null) {
            return false;
        }
        journal.removeLease(lease);
        for (String key : ended.keys) {
            StoreEntry entry = entries.get(key);
            if (entry != null && entry.lease() == lease) {
                drop(key);
            }
        }
        return true;
    }

    @Override
    public Optional<StoreEntry> get(String key, Deadline deadline) {
        return thread.change(deadline, () -> Optional.ofNullable(entries.get(key)));
    }

    @Override
    public OptionalLong replace(String key, byte[] value, long lease, long expectedRevision, Deadline deadline) {
        check(key, value);
        return thread.change(deadline, () -> {
            StoreEntry current = entries.get(key);
            if ((current == null ? 0 : current.revision()) != expectedRevision) {
                return OptionalLong.empty();
            }
            bind(key, lease);
            StoreEntry entry = new StoreEntry(key, value, ++lastRevision, lease);
            entries.put(key, entry);
            journal.write(entry);
            tell(key, listener -> listener.written(entry));
            return OptionalLong.of(entry.revision());
        });
    }

    private void bind(String key, long lease) {
        if (lease == NO_LEASE) {
            return;
        }
        Expiry there = leases.get(lease);
        if (there == null) {
            throw error(TransferErrorCode.LEASE_ENDED, "lease " + lease + " is not there any more");
        }
        there.keys.add(key);
    }

    @Override
    public boolean remove(String key, long expectedRevision, Deadline deadline) {
        return thread.change(deadline, () -> {
            StoreEntry current = entries.get(key);
            if (current == null || current.revision() != expectedRevision) {
                return false;
            }
            drop(key);
            return true;
        });
    }

    private void drop(String key) {
        entries.remove(key);
        journal.remove(key);
        long revision = ++lastRevision;
        tell(key, listener -> listener.removed(key, revision));
    }

    private void tell(String key, Consumer<StoreListener> notice) {
        for (Subscription subscription : subscriptions) {
            if (key.startsWith(subscription.prefix)) {
                thread.tell(() -> notice.accept(subscription.listener));
            }
        }
    }

    @Override
    public void watch(String prefix, StoreListener listener, Deadline deadline) {
        thread.change(deadline, () -> {
            entries.tailMap(prefix).values().stream()
                    .takeWhile(entry -> entry.key().startsWith(prefix))
                    .forEach(entry -> thread.tell(() -> listener.written(entry)));
            return subscriptions.add(new Subscription(prefix, listener));
        });
    }

    @Override
    public boolean isShared() {
        return false;
    }

    @Override
    public boolean isDurable() {
        return journal != StoreJournal.None.INSTANCE;
    }

    @Override
    public boolean isAvailable() {
        return thread.isAvailable();
    }

    private static void check(String key, byte[] value) {
        if (key.isEmpty() || key.length() > MAX_KEY || value.length > MAX_VALUE_BYTES) {
            throw error(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    "an entry of " + key.length() + " characters and " + value.length + " bytes is more than " + MAX_KEY
                            + " and " + MAX_VALUE_BYTES);
        }
    }

    @Override
    public void close(Deadline deadline) {
        thread.close(deadline);
    }

    private static TransferException error(TransferErrorCode code, String detail) {
        return new TransferException(code, Stage.REGISTER, detail);
    }
}
