package io.kvferry.control.cluster;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.h2.mvstore.MVMap;
import org.h2.mvstore.MVStore;

/** Keeps a store's content in a file of H2's MVStore, which is written by appending, so that a crash loses no commit. */
final class FileJournal implements StoreJournal {
    private static final int HEADER_BYTES = 2 * Long.BYTES;

    private final MVStore store;
    /** By key: revision, lease and value. */
    private final MVMap<String, byte[]> entries;

    private final MVMap<Long, Long> leases;
    private boolean changed;

    private FileJournal(MVStore store) {
        this.store = store;
        this.entries = store.openMap("entries");
        this.leases = store.openMap("leases");
    }

    static FileJournal open(Path file) {
        MVStore store = new MVStore.Builder()
                .fileName(file.toString())
                .autoCommitDisabled()
                .open();
        try {
            return new FileJournal(store);
        } catch (RuntimeException e) {
            store.closeImmediately();
            throw e;
        }
    }

    @Override
    public List<StoreEntry> entries() {
        List<StoreEntry> all = new ArrayList<>();
        entries.forEach((key, bytes) -> {
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            long revision = buffer.getLong();
            long lease = buffer.getLong();
            byte[] value = new byte[buffer.remaining()];
            buffer.get(value);
            all.add(new StoreEntry(key, value, revision, lease));
        });
        return all;
    }

    @Override
    public Map<Long, Long> leases() {
        return Map.copyOf(leases);
    }

    @Override
    public void write(StoreEntry entry) {
        ByteBuffer buffer = ByteBuffer.allocate(HEADER_BYTES + entry.value().length)
                .putLong(entry.revision())
                .putLong(entry.lease())
                .put(entry.value());
        entries.put(entry.key(), buffer.array());
        changed = true;
    }

    @Override
    public void remove(String key) {
        entries.remove(key);
        changed = true;
    }

    @Override
    public void writeLease(long lease, long ttlNanos) {
        leases.put(lease, ttlNanos);
        changed = true;
    }

    @Override
    public void removeLease(long lease) {
        leases.remove(lease);
        changed = true;
    }

    @Override
    public void commit() {
        if (changed) {
            store.commit();
            store.sync();
            changed = false;
        }
    }

    @Override
    public void close() {
        store.close();
    }
}
