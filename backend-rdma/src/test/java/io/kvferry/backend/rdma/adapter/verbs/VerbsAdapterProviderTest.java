package io.kvferry.backend.rdma.adapter.verbs;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.TransferErrorCode;
import org.junit.jupiter.api.Test;

class VerbsAdapterProviderTest {
    private final VerbsAdapterProvider provider = new VerbsAdapterProvider();

    @Test
    void aDeviceThatIsNotThereIsUnavailableAtEveryProbeWithAFix() {
        BackendConfig config = BackendConfig.DEFAULTS.with(VerbsConfigKeys.DEVICE, "no-such-device");
        Availability first = provider.probe(config);
        assertThat(first).isInstanceOfSatisfying(Availability.Unavailable.class, no -> {
            assertThat(no.code()).isEqualTo(TransferErrorCode.BACKEND_UNAVAILABLE);
            assertThat(no.reason()).isNotBlank();
            assertThat(no.fix()).isNotBlank();
        });
        assertThat(provider.probe(config)).isEqualTo(first);
    }

    @Test
    void noIsolationIsAContradictionInTheConfiguration() {
        assertThat(provider.probe(BackendConfig.DEFAULTS.with(VerbsConfigKeys.ISOLATION, Isolation.NONE)))
                .isInstanceOfSatisfying(Availability.Unavailable.class, no -> {
                    assertThat(no.code()).isEqualTo(TransferErrorCode.INVALID_REQUEST);
                    assertThat(no.reason()).contains(VerbsConfigKeys.ISOLATION.name());
                });
    }

    @Test
    void allKeysAreUnderThePrefixOfTheProvider() {
        assertThat(provider.configKeys())
                .hasSizeGreaterThan(5)
                .allSatisfy(key -> assertThat(key.name()).startsWith("kvferry.rdma." + provider.name() + "."));
    }
}
