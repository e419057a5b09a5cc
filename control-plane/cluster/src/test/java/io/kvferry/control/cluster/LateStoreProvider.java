package io.kvferry.control.cluster;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;

/** A store in memory that loses writes where a test says so, or does them and tells nobody. */
public final class LateStoreProvider implements ClusterStoreProvider {
    static final String NAME = "late";

    /** How many of the next writes of orders are late. */
    static final AtomicInteger LATE = new AtomicInteger();

    /** How many of the next writes of orders are not done at all. */
    static final AtomicInteger LOST = new AtomicInteger();

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Set<ConfigKey<?>> configKeys() {
        return Set.of();
    }

    @Override
    public ClusterStore open(BackendConfig config, Ticker ticker, Scheduler scheduler, Deadline deadline) {
        return new Late(new MemoryStoreProvider().open(config, ticker, scheduler, deadline));
    }

    private record Late(ClusterStore store) implements ClusterStore {
        @Override
        public OptionalLong replace(String key, byte[] value, long lease, long expectedRevision, Deadline deadline) {
            if (key.startsWith(Orders.PREFIX) && isNext(LOST)) {
                throw new TransferException(TransferErrorCode.CONTROL_FAILED, Stage.REGISTER, "lost");
            }
            OptionalLong done = store.replace(key, value, lease, expectedRevision, deadline);
            if (key.startsWith(Orders.PREFIX) && isNext(LATE)) {
                throw new TransferException(TransferErrorCode.DEADLINE_EXCEEDED, Stage.REGISTER, "late");
            }
            return done;
        }

        private static boolean isNext(AtomicInteger left) {
            return left.getAndUpdate(count -> Math.max(0, count - 1)) > 0;
        }

        @Override
        public long grant(Duration ttl, Deadline deadline) {
            return store.grant(ttl, deadline);
        }

        @Override
        public void renew(long lease) {
            store.renew(lease);
        }

        @Override
        public void revoke(long lease, Deadline deadline) {
            store.revoke(lease, deadline);
        }

        @Override
        public Optional<StoreEntry> get(String key, Deadline deadline) {
            return store.get(key, deadline);
        }

        @Override
        public boolean remove(String key, long expectedRevision, Deadline deadline) {
            return store.remove(key, expectedRevision, deadline);
        }

        @Override
        public void watch(String prefix, StoreListener listener, Deadline deadline) {
            store.watch(prefix, listener, deadline);
        }

        @Override
        public boolean isShared() {
            return store.isShared();
        }

        @Override
        public boolean isDurable() {
            return store.isDurable();
        }

        @Override
        public boolean isAvailable() {
            return store.isAvailable();
        }

        @Override
        public void close(Deadline deadline) {
            store.close(deadline);
        }
    }
}
