package io.kvferry.control.cluster;

/**
 * Hears what changes in a store.
 *
 * <p><b>Threads:</b> called by one thread at a time, in the order of revisions; must not block and must not call the store.
 *
 * @since 0.1.0
 */
public interface StoreListener {
    /**
     * A key was written.
     *
     * @param entry what is there now
     */
    void written(StoreEntry entry);

    /**
     * A key is gone: removed, or its lease has ended.
     *
     * @param key the key
     * @param revision of the removal
     */
    void removed(String key, long revision);
}
