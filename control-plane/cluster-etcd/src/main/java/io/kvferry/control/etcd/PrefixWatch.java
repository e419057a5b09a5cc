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
    private static final Duration READ = Duration.ofSeconds(30);
    private static final Duration FIRST_PAUSE = Duration.ofMillis(100);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(2);

    private final EtcdStore store;
    private final String prefix;
    private final StoreListener listener;
    /** Revisions of what the listener was told. */
    private final Map<String, Long> told = new HashMap<>();

    private Duration pause = FIRST_PAUSE;
    private volatile Watch.@Nullable Watcher stream;
    private volatile boolean closed;

    PrefixWatch(EtcdStore store, String prefix, StoreListener listener) {
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
        Changes changes = new Changes();
        Watch.Watcher opened = store.client().getWatchClient().watch(EtcdStore.bytes(prefix), option, changes);
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
        /** Confined to the listener thread. */
        private boolean ended;

        @Override
        public void onNext(WatchResponse response) {
            List<WatchEvent> events = response.getEvents();
            store.onListenerThread(() -> tell(events));
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
