package io.kvferry.backend.tcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.ServiceLoader;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TcpBackendProviderTest {
    private static TransferBackendProvider provider() {
        return ServiceLoader.load(TransferBackendProvider.class).stream()
                .filter(found -> found.type() == TcpBackendProvider.class)
                .findFirst()
                .orElseThrow()
                .get();
    }

    @Test
    void theServiceLoaderFindsItByName() {
        assertThat(provider().name()).isEqualTo("tcp");
        assertThat(provider().configKeys())
                .allMatch(key -> key.name().startsWith("kvferry.tcp."))
                .allMatch(key -> key.description().length() > 20);
    }

    @Test
    void everyKeyIsListed() {
        long constants = Arrays.stream(TcpConfigKeys.class.getFields())
                .filter(field -> Modifier.isStatic(field.getModifiers()) && field.getType() == ConfigKey.class)
                .count();
        assertThat(provider().configKeys()).hasSize((int) constants);
    }

    @ParameterizedTest
    @EnumSource
    void aTransportOpensWhereProbeSaysItIsAvailable(TcpTransportKind kind) {
        BackendConfig config = BackendConfig.DEFAULTS.with(TcpConfigKeys.TRANSPORT, kind);
        Availability availability = provider().probe(config);
        try (TestClock clock = TestClock.real()) {
            if (availability instanceof Availability.Unavailable(TransferErrorCode code, String reason, String fix)) {
                assertThat(code).isEqualTo(TransferErrorCode.BACKEND_UNAVAILABLE);
                assertThat(reason).contains("kvferry.tcp.transport");
                assertThat(fix).contains("kvferry.tcp.transport");
                assertThat(catchThrowableOfType(TransferException.class, () -> open(config, clock))
                                .code())
                        .isEqualTo(code);
            } else {
                TransferBackend backend = open(config, clock);
                assertThat(backend.info().name()).isEqualTo("tcp");
                assertThat(backend.close(deadline()).isClean()).isTrue();
                assertThat(catchThrowableOfType(
                                        TransferException.class,
                                        () -> backend.register(MemoryRegion.cuda(0, 1, 1), deadline()))
                                .code())
                        .isEqualTo(TransferErrorCode.SHUTTING_DOWN);
            }
        }
    }

    @Test
    void nioWithACongestionControlIsAContradiction() {
        BackendConfig config = BackendConfig.DEFAULTS
                .with(TcpConfigKeys.TRANSPORT, TcpTransportKind.NIO)
                .with(TcpConfigKeys.CONGESTION_CONTROL, "cubic");
        assertThat(provider().probe(config))
                .isInstanceOfSatisfying(
                        Availability.Unavailable.class,
                        unavailable -> assertThat(unavailable.code()).isEqualTo(TransferErrorCode.INVALID_REQUEST));
    }

    @Test
    void deviceMemoryIsUnsupported() {
        try (TestClock clock = TestClock.real()) {
            TransferBackend backend = open(BackendConfig.DEFAULTS, clock);
            assertThat(catchThrowableOfType(
                                    TransferException.class,
                                    () -> backend.register(MemoryRegion.cuda(0, 4096, 4096), deadline()))
                            .code())
                    .isEqualTo(TransferErrorCode.UNSUPPORTED);
            backend.close(deadline());
        }
    }

    @Test
    void aPortInUseIsConnectionFailedAndNamesTheKey() {
        try (TestClock clock = TestClock.real();
                TestNode first = new TestNode(SocketTransport.NIO, BackendConfig.DEFAULTS, clock)) {
            BackendConfig config = BackendConfig.DEFAULTS.with(
                    TcpConfigKeys.PORT,
                    TcpEndpoint.decode(first.backend.endpoint()).port());
            TransferException failure = catchThrowableOfType(TransferException.class, () -> open(config, clock));
            assertThat(failure.code()).isEqualTo(TransferErrorCode.CONNECTION_FAILED);
            assertThat(failure).hasMessageContaining("kvferry.tcp.port");
        }
    }

    private static TransferBackend open(BackendConfig config, TestClock clock) {
        BackendEnvironment environment =
                new BackendEnvironment(new PeerIdentity("node", 1), clock, clock, "127.0.0.1", "127.0.0.1");
        return provider().open(config, environment, deadline());
    }

    private static Deadline deadline() {
        return Deadline.after(20, TimeUnit.SECONDS);
    }
}
