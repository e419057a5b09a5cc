package io.kvferry.control.etcd;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.KeyValue;
import io.etcd.jetcd.Watch;
import io.etcd.jetcd.kv.GetResponse;
import io.etcd.jetcd.options.WatchOption;
import io.etcd.jetcd.watch.WatchEvent;
import io.etcd.jetcd.watch.WatchResponse;
import io.kvferry.control.cluster.StoreEntry;
import io.kvferry.control.cluster.StoreListener;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows one prefix. Whenever the stream of changes ends, whatever the reason, everything is read anew and the listener is
 * told what is different: the client's own resumption may skip what happened while it was being set up, and etcd forgets old
 * revisions.
 *
 * <p><b>Threads:</b> Confined to the store's listener thread, but for {@link #close} and the stream's callbacks, which hand
 * over to it.
 */
final class PrefixWatch {
    private static final Logger LOG = LoggerFactory.getLogger(PrefixWatch.class);
    /** Of ten thousand nodes that come at once; a few megabytes. */
    private static final int MAX_WAITING = 16_384;

    private static final Duration READ = Duration.ofSeconds(30);
    private static final Duration FIRST_PAUSE = Duration.ofMillis(100);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(2);

    private final EtcdStore store;
    private final String prefix;
    private final StoreListener listener;
    private final int maxWaiting;
    /** Revisions of what the listener was told. */
    private final Map<String, Long> told = new HashMap<>();

    private Duration pause = FIRST_PAUSE;
    private volatile Watch.@Nullable Watcher stream;
    private volatile @Nullable Changes changes;
    private volatile boolean closed;

    PrefixWatch(EtcdStore store, String prefix, StoreListener listener) {
        this(store, prefix, listener, MAX_WAITING);
    }

    /**
     * Makes a watch.
     *
     * @param maxWaiting how many changes may wait for the listener; past that they are dropped and everything is read anew
     */
    PrefixWatch(EtcdStore store, String prefix, StoreListener listener, int maxWaiting) {
        this.maxWaiting = maxWaiting;
        this.store = store;
        this.prefix = prefix;
        this.listener = listener;
    }

    /** Tells what is there, then follows. */
    void start(Deadline deadline) {
        long revision = tellDifference(deadline);
        if (closed) {
            return;
        }
        WatchOption option = WatchOption.builder()
                .isPrefix(true)
                .withRevision(revision + 1)
                // a member that is cut off from the others must not keep quiet about it
                .withRequireLeader(true)
                .build();
        Changes following = new Changes();
        changes = following;
        Watch.Watcher opened = store.client().getWatchClient().watch(EtcdStore.bytes(prefix), option, following);
        stream = opened;
        pause = FIRST_PAUSE;
        if (closed) {
            opened.close();
        }
    }

    void close() {
        closed = true;
        Watch.Watcher open = stream;
        if (open != null) {
            open.close();
        }
    }

    /** Whether the stream has ended and everything is going to be read anew. */
    boolean isBroken() {
        Changes following = changes;
        return following != null && following.ending.get();
    }

    /** Returns the revision that was read. */
    private long tellDifference(Deadline deadline) {
        Set<String> gone = new HashSet<>(told.keySet());
        ByteSequence from = EtcdStore.bytes(prefix);
        long revision = 0;
        while (true) {
            GetResponse page = store.page(prefix, from, revision, deadline);
            if (revision == 0) {
                revision = page.getHeader().getRevision();
            }
            for (KeyValue pair : page.getKvs()) {
                gone.remove(EtcdStore.text(pair));
                written(EtcdStore.entry(pair));
            }
            if (!page.isMore()) {
                break;
            }
            // the smallest key after the last one
            from = page.getKvs().getLast().getKey().concat(ByteSequence.from(new byte[1]));
        }
        for (String key : gone) {
            removed(key, revision);
        }
        return revision;
    }

    private void written(StoreEntry entry) {
        Long known = told.put(entry.key(), entry.revision());
        if (known == null || known < entry.revision()) {
            listener.written(entry);
        }
    }

    private void removed(String key, long revision) {
        if (told.remove(key) != null) {
            listener.removed(key, revision);
        }
    }

    private void again() {
        if (closed || store.isClosed()) {
            return;
        }
        try {
            start(store.deadline(READ));
        } catch (TransferException e) {
            LOG.debug("cannot read {} anew: {}", prefix, e.getMessage());
            Duration now = pause;
            pause = now.multipliedBy(2).compareTo(LONGEST_PAUSE) < 0 ? now.multipliedBy(2) : LONGEST_PAUSE;
            store.later(now, this::again);
        }
    }

    /** One stream; ends at its first error. */
    private final class Changes implements Watch.Listener {
        /** How many changes wait for the listener. */
        private final AtomicInteger waiting = new AtomicInteger();
        /** Nothing more is taken from the stream. */
        private final AtomicBoolean ending = new AtomicBoolean();
        /** Confined to the listener thread. */
        private boolean ended;

        @Override
        public void onNext(WatchResponse response) {
            List<WatchEvent> events = response.getEvents();
            int others = waiting.getAndAdd(events.size());
            if (others > 0 && others + events.size() > maxWaiting) {
                end(maxWaiting + " changes wait to be told");
            }
            if (!ending.get()) {
                store.onListenerThread(() -> {
                    waiting.addAndGet(-events.size());
                    tell(events);
                });
            }
        }

        private void tell(List<WatchEvent> events) {
            if (ended || closed) {
                return;
            }
            for (WatchEvent event : events) {
                KeyValue pair = event.getKeyValue();
                switch (event.getEventType()) {
                    case PUT -> written(EtcdStore.entry(pair));
                    case DELETE -> removed(EtcdStore.text(pair), pair.getModRevision());
                    case UNRECOGNIZED -> LOG.warn("etcd told a change of an unknown kind at {}", EtcdStore.text(pair));
                }
            }
        }

        @Override
        public void onError(Throwable failure) {
            end(String.valueOf(failure.getMessage()));
        }

        @Override
        public void onCompleted() {
            end("the stream has ended");
        }

        private void end(String reason) {
            if (!ending.compareAndSet(false, true)) {
                return;
            }
            store.onListenerThread(() -> {
                if (ended || closed) {
                    return;
                }
                ended = true;
                store.unreachable();
                LOG.info("the watch of {} in etcd broke and starts anew: {}", prefix, reason);
                Watch.Watcher broken = stream;
                if (broken != null) {
                    broken.close();
                }
                store.later(pause, PrefixWatch.this::again);
            });
        }
    }
}
