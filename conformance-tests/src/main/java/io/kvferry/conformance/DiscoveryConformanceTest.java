package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.engine.Lease;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferRequest;
import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendInfo;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A backend is found, says what it is, and is never replaced by another in silence.
 *
 * @since 0.1.0
 */
@Tag("discovery")
public abstract class DiscoveryConformanceTest extends ConformanceSuite {
    /**
     * Makes the suite.
     *
     * @param harness what is tested
     */
    protected DiscoveryConformanceTest(BackendHarness harness) {
        super(harness);
    }

    /** The provider is found on the class path by its name. */
    @Test
    public final void required_R10_1_providerIsFoundByServiceLoader() {
        String name = harness().provider().name();
        assertThat(name).matches("[a-z][a-z0-9-]*");
        List<String> found = ServiceLoader.load(TransferBackendProvider.class).stream()
                .map(provider -> provider.get().name())
                .toList();
        assertThat(found).as("META-INF/services of the backend").containsOnlyOnce(name);
    }

    /** Asking whether the backend can run here may be repeated, and leaves nothing behind. */
    @Test
    public final void required_R10_2_probeIsRepeatableAndLeavesNothing() {
        TransferBackendProvider provider = harness().provider();
        Availability first = provider.probe(BackendConfig.DEFAULTS);
        Set<Thread> before = Thread.getAllStackTraces().keySet();
        for (int i = 0; i < 50; i++) {
            assertThat(provider.probe(BackendConfig.DEFAULTS)).hasSameClassAs(first);
        }
        List<String> left = Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> !before.contains(thread))
                .map(Thread::getName)
                .filter(name -> name.contains(provider.name()))
                .toList();
        assertThat(left).isEmpty();
    }

    /** What is open says which backend it is, what it can do, and how. */
    @Test
    public final void required_R10_11_openBackendSaysWhatItIs() {
        BackendInfo info = bed().initiator().info();
        assertThat(info.name()).isEqualTo(harness().provider().name());
        assertThat(info.description()).isNotBlank();
        assertThat(info.wireId().version()).isPositive();
        assertThat(info.capabilities()).isNotEmpty();
        assertThat(bed().initiator().engine().backends().getFirst().availability())
                .isInstanceOf(Availability.Available.class);
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        try (Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
                Transfer transfer =
                        bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks())) {
            assertThat(transfer.backend()).isEqualTo(info.name());
            assertThat(transfer.selection()).isEmpty();
            lease.revoke();
        }
    }

    /** Keys are the backend's own, are explained, and their defaults can be written down and read back. */
    @Test
    public final void required_R12_2_keysAreOwnExplainedAndReadBack() {
        TransferBackendProvider provider = harness().provider();
        for (ConfigKey<?> key : provider.configKeys()) {
            assertThat(key.name()).startsWith("kvferry." + provider.name() + ".");
            assertThat(key.description()).as(key.name()).isNotBlank();
            assertThat(key.allowed()).as(key.name()).isNotBlank();
            readBack(key);
        }
    }

    private static <T> void readBack(ConfigKey<T> key) {
        if (!key.isSecret()) {
            assertThat(key.parse(key.format(key.defaultValue()))).as(key.name()).isEqualTo(key.defaultValue());
        }
    }

    /** A request that names a backend which is not open is refused with what is open; nothing else is taken instead. */
    @Test
    public final void required_R10_12_otherBackendIsNeverTakenInstead() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        TransferRequest request = bed().initiator().request(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        TransferException refusal = assertFailsWithOneOf(
                Set.of(TransferErrorCode.BACKEND_UNAVAILABLE, TransferErrorCode.INVALID_REQUEST),
                () -> bed().initiator().prepare(request.backend("absent")));
        assertThat(refusal.getMessage()).contains("absent");
        assertThat(bed().target().watch().calls("accept")).isZero();
        Transfer transfer = bed().initiator()
                .prepare(request.attempt(2).backend(harness().provider().name()));
        complete(transfer, lease, layout);
    }

    /** A name that nobody has is an error when the engine opens, with the name and the remedy. */
    @Test
    public final void required_R10_13_absentBackendIsAnErrorAtOpen() {
        TransferException refusal = assertFailsWithOneOf(
                Set.of(TransferErrorCode.BACKEND_UNAVAILABLE, TransferErrorCode.INVALID_REQUEST),
                () -> bed().open("third", new Watch(), Map.of("kvferry.backend", "no-such-backend")));
        assertThat(refusal.getMessage()).contains("no-such-backend").contains("kvferry.backend");
    }
}
