package io.kvferry.control.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.conformance.Await;
import io.kvferry.conformance.FakeTicker;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What every store of one process promises. */
class StoreTest {
    private static final Duration TTL = Duration.ofSeconds(10);

    @TempDir
    private Path folder;

    private final FakeTicker ticker = new FakeTicker();
    private final List<ClusterStore> stores = new ArrayList<>();

    @AfterEach
    void close() {
        stores.forEach(store -> store.close(soon()));
    }

    private ClusterStore open(String kind) {
        BackendConfig config = BackendConfig.DEFAULTS.with(
                FileStoreProvider.PATH, folder.resolve("store.db").toString());
        ClusterStoreProvider provider = kind.equals("file") ? new FileStoreProvider() : new MemoryStoreProvider();
        ClusterStore store = provider.open(config, ticker, ticker.scheduler(), soon());
        stores.add(store);
        return store;
    }

    private Deadline soon() {
        return ticker.in(Duration.ofSeconds(10));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** What was told, as text. */
    private static final class Heard implements StoreListener {
        final List<String> lines = new CopyOnWriteArrayList<>();

        @Override
        public void written(StoreEntry entry) {
            lines.add(entry.key() + "=" + new String(entry.value(), StandardCharsets.UTF_8));
        }

        @Override
        public void removed(String key, long revision) {
            lines.add(key + " removed");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"memory", "file"})
    void aWriteIsMadeOnlyOverWhatItsWriterHasSeen(String kind) {
        ClusterStore store = open(kind);

        long first =
                store.replace("k", bytes("1"), ClusterStore.NO_LEASE, 0, soon()).orElseThrow();
        assertThat(store.replace("k", bytes("2"), ClusterStore.NO_LEASE, 0, soon()))
                .isEmpty();
        long second = store.replace("k", bytes("2"), ClusterStore.NO_LEASE, first, soon())
                .orElseThrow();

        assertThat(second).isGreaterThan(first);
        assertThat(store.remove("k", first, soon())).isFalse();
        assertThat(store.get("k", soon()).orElseThrow().value()).isEqualTo(bytes("2"));
        assertThat(store.remove("k", second, soon())).isTrue();
        assertThat(store.get("k", soon())).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"memory", "file"})
    void aListenerHearsWhatIsThereAndThenEveryChange(String kind) {
        ClusterStore store = open(kind);
        store.replace("a/1", bytes("x"), ClusterStore.NO_LEASE, 0, soon());
        store.replace("b/1", bytes("y"), ClusterStore.NO_LEASE, 0, soon());
        Heard heard = new Heard();

        store.watch("a/", heard, soon());
        assertThat(heard.lines).containsExactly("a/1=x");

        long revision = store.replace("a/2", bytes("z"), ClusterStore.NO_LEASE, 0, soon())
                .orElseThrow();
        store.remove("a/2", revision, soon());
        store.replace("b/2", bytes("w"), ClusterStore.NO_LEASE, 0, soon());
        assertThat(heard.lines).containsExactly("a/1=x", "a/2=z", "a/2 removed");
    }

    @ParameterizedTest
    @ValueSource(strings = {"memory", "file"})
    void whatIsUnderALeaseGoesWithIt(String kind) {
        ClusterStore store = open(kind);
        Heard heard = new Heard();
        store.watch("", heard, soon());
        long lease = store.grant(TTL, soon());
        store.replace("k", bytes("1"), lease, 0, soon());
        store.replace("stays", bytes("1"), ClusterStore.NO_LEASE, 0, soon());

        for (int i = 0; i < 5; i++) {
            ticker.advance(TTL.minusSeconds(1));
            store.renew(lease);
        }
        assertThat(store.get("k", soon())).isPresent();
        ticker.advance(TTL);

        Await.until("the entry is gone", () -> heard.lines.contains("k removed"));
        assertThat(store.get("stays", soon())).isPresent();
        assertThatThrownBy(() -> store.replace("l", bytes("1"), lease, 0, soon()))
                .isInstanceOfSatisfying(
                        TransferException.class, e -> assertThat(e.code()).isEqualTo(TransferErrorCode.LEASE_ENDED));
    }

    @ParameterizedTest
    @ValueSource(strings = {"memory", "file"})
    void revokingALeaseKeepsWhatWasWrittenAgainUnderAnother(String kind) {
        ClusterStore store = open(kind);
        long old = store.grant(TTL, soon());
        long next = store.grant(TTL, soon());
        long revision = store.replace("k", bytes("1"), old, 0, soon()).orElseThrow();
        store.replace("k", bytes("2"), next, revision, soon());

        store.revoke(old, soon());

        assertThat(store.get("k", soon()).orElseThrow().lease()).isEqualTo(next);
    }

    @Test
    void aFileKeepsEntriesAndGivesLeasesTheirFullTimeAgain() {
        ClusterStore first = open("file");
        long lease = first.grant(TTL, soon());
        long revision = first.replace("k", bytes("1"), lease, 0, soon()).orElseThrow();
        ticker.advance(TTL.minusSeconds(1));
        first.close(soon());

        ClusterStore second = open("file");
        ticker.advance(TTL.minusSeconds(1));
        assertThat(second.get("k", soon()).orElseThrow().revision()).isEqualTo(revision);
        ticker.advance(TTL);
        Await.until("the lease has ended", () -> second.get("k", soon()).isEmpty());
    }

    @Test
    void aFileThatIsInUseIsRefusedByName() {
        open("file");

        TransferException refusal = catchThrowableOfType(TransferException.class, () -> open("file"));

        assertThat(refusal.code()).isEqualTo(TransferErrorCode.CONTROL_FAILED);
        assertThat(refusal.error().detail()).contains("kvferry.controller.file.path", "another controller");
    }

    @Test
    void aFileForAStoreThatIsNotChosenIsRefusedWithTheLineToChange() {
        BackendConfig config = BackendConfig.DEFAULTS
                .with(ControllerConfigKeys.PORT, 0)
                .with(FileStoreProvider.PATH, folder.resolve("store.db").toString());

        TransferException refusal = catchThrowableOfType(
                TransferException.class, () -> Controller.open(config, ticker, ticker.scheduler()));

        assertThat(refusal.code()).isEqualTo(TransferErrorCode.INVALID_REQUEST);
        assertThat(refusal.error().detail())
                .contains("kvferry.controller.file.path is set", "set kvferry.controller.store=file");
    }

    @Test
    void nothingIsTakenAfterClose() {
        ClusterStore store = open("memory");
        store.close(soon());

        assertThatThrownBy(() -> store.grant(TTL, soon()))
                .isInstanceOfSatisfying(
                        TransferException.class, e -> assertThat(e.code()).isEqualTo(TransferErrorCode.SHUTTING_DOWN));
    }
}
