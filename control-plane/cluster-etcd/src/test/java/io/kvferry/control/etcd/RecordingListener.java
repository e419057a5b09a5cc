package io.kvferry.control.etcd;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.control.cluster.StoreEntry;
import io.kvferry.control.cluster.StoreListener;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** What a listener believes is there, and how it came to believe it. */
final class RecordingListener implements StoreListener {
    private static final long PATIENCE_SECONDS = 40;

    // both guarded by this
    private final TreeMap<String, String> there = new TreeMap<>();
    private final List<String> changes = new ArrayList<>();
    private long lastRevision;

    @Override
    public synchronized void written(StoreEntry entry) {
        there.put(entry.key(), new String(entry.value(), StandardCharsets.UTF_8));
        changed("+" + entry.key(), entry.revision());
    }

    @Override
    public synchronized void removed(String key, long revision) {
        there.remove(key);
        changed("-" + key, revision);
    }

    private void changed(String change, long revision) {
        changes.add(change);
        lastRevision = Math.max(lastRevision, revision);
        notifyAll();
    }

    synchronized Map<String, String> there() {
        return new TreeMap<>(there);
    }

    synchronized List<String> changes() {
        return List.copyOf(changes);
    }

    synchronized void await(Predicate<Map<String, String>> condition) throws InterruptedException {
        long patience = TimeUnit.SECONDS.toMillis(PATIENCE_SECONDS);
        while (!condition.test(there) && patience > 0) {
            wait(100);
            patience -= 100;
        }
        assertThat(there).matches(condition);
    }
}
