package io.kvferry.backend.rdma.adapter.disni;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.conformance.FakeTicker;
import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class DisniAdapterProviderTest {
    private final DisniAdapterProvider provider = new DisniAdapterProvider();

    /** This JVM has DiSNI's jar, but neither libdisni nor leave to use the JDK's package. */
    @Test
    void withoutLibdisniItIsUnavailableAtEveryProbeWithTheRemedy() {
        Availability first = provider.probe(BackendConfig.DEFAULTS);
        assertThat(first).isInstanceOfSatisfying(Availability.Unavailable.class, no -> {
            assertThat(no.code()).isEqualTo(TransferErrorCode.BACKEND_UNAVAILABLE);
            assertThat(no.reason()).contains("libdisni");
            assertThat(no.fix())
                    .contains("java.library.path")
                    .contains("--add-exports=java.base/sun.nio.ch=ALL-UNNAMED")
                    .contains("--enable-native-access=ALL-UNNAMED");
        });
        assertThat(provider.probe(BackendConfig.DEFAULTS)).isEqualTo(first);
    }

    @Test
    void openingItThenSaysTheSame() {
        FakeTicker ticker = new FakeTicker();
        BackendEnvironment environment = new BackendEnvironment(
                new PeerIdentity("here", 1), ticker, ticker.scheduler(), "127.0.0.1", "127.0.0.1");
        TransferException refusal = catchThrowableOfType(
                TransferException.class,
                () -> provider.open(BackendConfig.DEFAULTS, environment, Deadline.after(Duration.ofSeconds(1))));
        assertThat(refusal.code()).isEqualTo(TransferErrorCode.BACKEND_UNAVAILABLE);
        assertThat(refusal).hasMessageContaining("libdisni").hasMessageContaining("--add-exports");
    }

    @Test
    void allKeysAreUnderThePrefixOfTheProvider() {
        assertThat(provider.configKeys())
                .hasSizeGreaterThan(5)
                .allSatisfy(key -> assertThat(key.name()).startsWith("kvferry.rdma." + provider.name() + "."));
    }
}
