package io.kvferry.control.etcd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvferry.control.cluster.ClusterStore;
import io.kvferry.control.cluster.ClusterStoreProvider;
import io.kvferry.control.cluster.StoreEntry;
import io.kvferry.control.cluster.StoreListener;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.ServiceLoader;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The promises of a store, kept by a real etcd. */
class EtcdStoreTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private static EtcdServer server;

    private final List<ClusterStore> stores = new ArrayList<>();
    private String prefix = "";
    private ClusterStore store;

    @BeforeAll
    static void start(@TempDir Path folder) {
        server = EtcdServer.start(folder);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @BeforeEach
    void open() {
        prefix = "/test" + System.identityHashCode(this) + "/";
        store = openStore(server.endpoint());
    }

    @AfterEach
    void close() {
        stores.forEach(each -> each.close(soon()));
    }

    private ClusterStore openStore(String endpoint) {
        ClusterStoreProvider etcd = ServiceLoader.load(ClusterStoreProvider.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(provider -> provider.name().equals("etcd"))
                .findFirst()
                .orElseThrow();
        BackendConfig config = BackendConfig.DEFAULTS
                .with(EtcdConfigKeys.ENDPOINTS, List.of(endpoint))
                .with(EtcdConfigKeys.PREFIX, prefix);
        ClusterStore opened = etcd.open(config, Ticker.system(), new WallScheduler(), soon());
        stores.add(opened);
        return opened;
    }

    private static Deadline soon() {
        return Deadline.after(PATIENCE);
    }

    private long write(String key, String value, long lease, long expected) {
        return store.replace(key, value.getBytes(StandardCharsets.UTF_8), lease, expected, soon())
                .orElseThrow();
    }

    private static void assertFails(TransferErrorCode code, ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        TransferException.class, e -> assertThat(e.code()).isEqualTo(code));
    }

    @Test
    void aWriteWinsOnlyOverWhatItHasSeen() {
        long first = write("a", "1", ClusterStore.NO_LEASE, 0);
        long second = write("a", "2", ClusterStore.NO_LEASE, first);

        assertThat(second).isGreaterThan(first);
        assertThat(store.replace("a", new byte[1], ClusterStore.NO_LEASE, first, soon()))
                .isEmpty();
        assertThat(store.replace("a", new byte[1], ClusterStore.NO_LEASE, 0, soon()))
                .isEmpty();
        assertThat(store.replace("b", new byte[1], ClusterStore.NO_LEASE, first, soon()))
                .isEmpty();
        StoreEntry entry = store.get("a", soon()).orElseThrow();
        assertThat(entry.revision()).isEqualTo(second);
        assertThat(entry.value()).asString(StandardCharsets.UTF_8).isEqualTo("2");
        assertThat(store.remove("a", first, soon())).isFalse();
        assertThat(store.remove("a", second, soon())).isTrue();
        assertThat(store.get("a", soon())).isEmpty();
    }

    @Test
    void aListenerHearsWhatIsThereAndThenEveryChange() throws Exception {
        for (int i = 0; i < EtcdStore.PAGE * 2 + 5; i++) {
            write("nodes/" + i, "v" + i, ClusterStore.NO_LEASE, 0);
        }
        write("others/x", "", ClusterStore.NO_LEASE, 0);
        RecordingListener listener = new RecordingListener();

        store.watch("nodes/", listener, soon());

        assertThat(listener.there()).hasSize(EtcdStore.PAGE * 2 + 5).containsEntry("nodes/7", "v7");
        ClusterStore other = openStore(server.endpoint());
        long seven = other.get("nodes/7", soon()).orElseThrow().revision();
        long again = other.replace(
                        "nodes/7", "new".getBytes(StandardCharsets.UTF_8), ClusterStore.NO_LEASE, seven, soon())
                .orElseThrow();
        listener.await(there -> "new".equals(there.get("nodes/7")));
        other.remove("nodes/7", again, soon());
        listener.await(there -> !there.containsKey("nodes/7"));
        assertThat(listener.there()).doesNotContainKey("others/x");
    }

    @Test
    void whatWasWrittenUnderALeaseGoesWithIt() throws Exception {
        RecordingListener listener = new RecordingListener();
        store.watch("", listener, soon());
        long revoked = store.grant(Duration.ofSeconds(60), soon());
        write("a", "", revoked, 0);
        long silent = store.grant(Duration.ofMillis(1), soon());
        write("b", "", silent, 0);

        store.revoke(revoked, soon());
        store.revoke(revoked, soon());

        listener.await(there -> !there.containsKey("a"));
        listener.await(there -> !there.containsKey("b"));
        assertFails(TransferErrorCode.LEASE_ENDED, () -> write("c", "", revoked, 0));
        assertThat(store.isAvailable()).isTrue();
    }

    @Test
    void aLeaseThatIsRenewedLivesOnAndOneThatIsNotEnds() throws Exception {
        RecordingListener listener = new RecordingListener();
        store.watch("", listener, soon());
        long renewed = store.grant(Duration.ofSeconds(3), soon());
        long silent = store.grant(Duration.ofSeconds(3), soon());
        write("renewed", "", renewed, 0);
        write("silent", "", silent, 0);
        store.renew(12345); // of nobody

        // the silent one was granted last, so that the other one outlives it only by being renewed
        listener.await(there -> {
            store.renew(renewed);
            return there.containsKey("renewed") && !there.containsKey("silent");
        });
        assertThat(store.get("renewed", soon())).isPresent();
    }

    @Test
    void afterEtcdWasAwayListenersHearWhatChangedMeanwhile(@TempDir Path folder) throws Exception {
        try (EtcdServer own = EtcdServer.start(folder)) {
            store = openStore(own.endpoint());
            long kept = write("kept", "1", ClusterStore.NO_LEASE, 0);
            long lost = write("lost", "1", ClusterStore.NO_LEASE, 0);
            RecordingListener listener = new RecordingListener();
            store.watch("", listener, soon());

            own.kill();
            assertFails(TransferErrorCode.CONTROL_FAILED, () -> store.get("kept", soon()));
            assertThat(store.isAvailable()).isFalse();
            own.startAgain();
            // somebody else is faster than the listener's stream
            ClusterStore other = openStore(own.endpoint());
            other.replace("kept", "2".getBytes(StandardCharsets.UTF_8), ClusterStore.NO_LEASE, kept, soon());
            other.remove("lost", lost, soon());
            other.replace("new", "1".getBytes(StandardCharsets.UTF_8), ClusterStore.NO_LEASE, 0, soon());

            listener.await(there -> there.toString().equals("{kept=2, new=1}"));
            // and the new stream carries on
            write("newer", "1", ClusterStore.NO_LEASE, 0);
            listener.await(there -> there.containsKey("newer"));
            assertThat(store.isAvailable()).isTrue();
        }
    }

    @Test
    void aFrozenEtcdIsLateAndNotForEver(@TempDir Path folder) {
        try (EtcdServer own = EtcdServer.start(folder)) {
            store = openStore(own.endpoint());
            own.signal("STOP");
            try {
                assertFails(
                        TransferErrorCode.DEADLINE_EXCEEDED,
                        () -> store.get("a", Deadline.after(Duration.ofMillis(200))));
                assertThat(store.isAvailable()).isFalse();
            } finally {
                own.signal("CONT");
            }
            assertThat(store.get("a", soon())).isEmpty();
            assertThat(store.isAvailable()).isTrue();
        }
    }

    @Test
    void aListenerThatDoesNotKeepUpIsToldAnewInsteadOfEverything() throws Exception {
        RecordingListener listener = new RecordingListener();
        CountDownLatch slow = new CountDownLatch(1);
        StoreListener slowly = new StoreListener() {
            @Override
            public void written(StoreEntry entry) {
                try {
                    assertThat(slow.await(PATIENCE.toSeconds(), TimeUnit.SECONDS))
                            .isTrue();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                listener.written(entry);
            }

            @Override
            public void removed(String key, long revision) {
                listener.removed(key, revision);
            }
        };
        PrefixWatch watch = new PrefixWatch((EtcdStore) store, "nodes/", slowly, 4);
        watch.start(soon());
        long revision = 0;
        for (int i = 0; i < 40; i++) {
            revision = write("nodes/counter", String.valueOf(i), ClusterStore.NO_LEASE, revision);
        }
        write("nodes/last", "", ClusterStore.NO_LEASE, 0);
        Deadline patience = soon();
        while (!watch.isBroken()) {
            assertThat(patience.isExpired()).as("the watch gives its stream up").isFalse();
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
        }

        slow.countDown();

        listener.await(there -> there.containsKey("nodes/last") && "39".equals(there.get("nodes/counter")));
        assertThat(listener.changes()).hasSizeLessThan(40);
        write("nodes/after", "", ClusterStore.NO_LEASE, 0);
        listener.await(there -> there.containsKey("nodes/after"));
        watch.close();
    }

    @Test
    void anAbsentEtcdIsToldWithTheKeyToChange() {
        assertThatThrownBy(() -> openStore("127.0.0.1:1"))
                .isInstanceOf(TransferException.class)
                .hasMessageContaining("kvferry.etcd.endpoints=127.0.0.1:1");
        assertFails(TransferErrorCode.INVALID_REQUEST, () -> openStore("nonsense"));
    }

    @Test
    void afterCloseEveryCallSaysSo() {
        store.close(soon());
        store.close(soon());

        assertFails(TransferErrorCode.SHUTTING_DOWN, () -> store.get("a", soon()));
        assertFails(TransferErrorCode.SHUTTING_DOWN, () -> store.watch("", new RecordingListener(), soon()));
        store.renew(1);
        assertThat(store.isAvailable()).isFalse();
    }

    @Test
    void theLargestValueFits() {
        byte[] value = new byte[ClusterStore.MAX_VALUE_BYTES];
        OptionalLong revision = store.replace("large", value, ClusterStore.NO_LEASE, 0, soon());

        assertThat(revision).isPresent();
        assertThat(store.get("large", soon()).orElseThrow().value()).hasSize(ClusterStore.MAX_VALUE_BYTES);
    }
}
