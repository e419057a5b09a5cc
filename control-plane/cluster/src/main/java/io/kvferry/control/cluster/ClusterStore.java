package io.kvferry.control.cluster;

import io.kvferry.spi.Deadline;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Where a controller keeps what must not be lost with it: a small ordered map with leases and a watch. Who is a member,
 * leases, orders and pins live there; chunks never do.
 *
 * <p><b>Life cycle:</b> a {@link ClusterStoreProvider} opens it, one controller uses it and closes it. Several controllers
 * may each open a store over the same data where {@link #isShared} says so.
 *
 * <p><b>Threads:</b> Thread-safe. Calls with a deadline may block until it; the others do not block.
 *
 * <p><b>Failure:</b> {@link io.kvferry.spi.TransferException}: DEADLINE_EXCEEDED when the store did not answer in time (the
 * change may have been made), CONTROL_FAILED when it cannot be reached or written, SHUTTING_DOWN after close,
 * RESOURCE_EXHAUSTED past a bound, LEASE_ENDED for a write under a lease that is not there.
 *
 * @since 0.1.0
 */
public interface ClusterStore {
    /** The lease of entries that stay until they are removed. */
    long NO_LEASE = 0;

    /** Longest key, in characters. */
    int MAX_KEY = 512;

    /** Largest value: what etcd takes in one request, less room for the key. */
    int MAX_VALUE_BYTES = 1 << 20;

    /**
     * Makes a lease. Whatever is written under it goes when nobody renews it for its time, or when it is revoked.
     *
     * @param ttl its time; a store may round it up to whole seconds
     * @param deadline until when to wait
     * @return its number, never {@link #NO_LEASE}
     */
    long grant(Duration ttl, Deadline deadline);

    /**
     * Gives a lease its full time again. Does not wait for the outcome: that a lease has ended is told by the watch, as the
     * removal of what was written under it.
     *
     * @param lease its number; one that has ended stays ended
     */
    void renew(long lease);

    /**
     * Ends a lease and removes what was written under it. One that has ended is left as it is.
     *
     * @param lease its number
     * @param deadline until when to wait
     */
    void revoke(long lease, Deadline deadline);

    /**
     * Reads a key.
     *
     * @param key the key
     * @param deadline until when to wait
     * @return what is there
     */
    Optional<StoreEntry> get(String key, Deadline deadline);

    /**
     * Writes a key if nobody else has written it in between.
     *
     * @param key up to {@value #MAX_KEY} printable ASCII characters
     * @param value up to {@value #MAX_VALUE_BYTES} bytes; the caller leaves the array alone from now on
     * @param lease which the entry shall live as long as, or {@link #NO_LEASE}
     * @param expectedRevision revision of the entry that is replaced; 0 if there must be none
     * @param deadline until when to wait
     * @return the revision of this write, or nothing if another entry was there
     */
    OptionalLong replace(String key, byte[] value, long lease, long expectedRevision, Deadline deadline);

    /**
     * Removes a key if nobody else has written it in between.
     *
     * @param key the key
     * @param expectedRevision revision of the entry that is removed
     * @param deadline until when to wait
     * @return true if it was there with that revision
     */
    boolean remove(String key, long expectedRevision, Deadline deadline);

    /**
     * Tells a listener every entry under a prefix, before it returns, and then every change, until the store is closed.
     *
     * <p>Nothing is lost: a store whose stream of changes broke reads anew and tells what is different. A listener hears of
     * a write before or after the call that made it returns.
     *
     * @param prefix of the keys
     * @param listener who hears of them
     * @param deadline until when the entries that are there must have been told
     */
    void watch(String prefix, StoreListener listener, Deadline deadline);

    /**
     * Tells whether other processes may use the same data at this moment.
     *
     * @return true for etcd
     */
    boolean isShared();

    /**
     * Tells whether a new process finds what this one stored.
     *
     * @return false for memory
     */
    boolean isDurable();

    /**
     * Tells whether the store answers at this moment, as far as known without asking.
     *
     * @return false while it cannot be reached
     */
    boolean isAvailable();

    /**
     * Stops telling listeners and gives everything back. Leases are not revoked: they end by themselves. Idempotent.
     *
     * @param deadline until when to wait
     */
    void close(Deadline deadline);
}
