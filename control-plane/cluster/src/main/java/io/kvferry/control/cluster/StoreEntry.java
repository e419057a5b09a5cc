package io.kvferry.control.cluster;

import java.util.Objects;

/**
 * A key with its value in a store.
 *
 * <p><b>Threads:</b> Immutable, as long as nobody changes the array: neither the store nor its users do.
 *
 * @param key the key
 * @param value its value
 * @param revision of the change that wrote it: higher than of every change before, of any key
 * @param lease which the entry lives as long as, or {@link ClusterStore#NO_LEASE}
 * @since 0.1.0
 */
@SuppressWarnings("ArrayRecordComponent") // compared by key and revision only
public record StoreEntry(String key, byte[] value, long revision, long lease) {
    /** Checks that nothing is missing. */
    public StoreEntry {
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(value, "value");
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof StoreEntry that && that.revision == revision && that.key.equals(key);
    }

    @Override
    public int hashCode() {
        return Long.hashCode(revision);
    }

    @Override
    public String toString() {
        return key + "@" + revision + " (" + value.length + " bytes)";
    }
}
