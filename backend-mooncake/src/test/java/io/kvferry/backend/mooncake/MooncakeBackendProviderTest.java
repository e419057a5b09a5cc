package io.kvferry.backend.mooncake;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferErrorCode;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MooncakeBackendProviderTest {
    private static Availability probe(String metadata) {
        return new MooncakeBackendProvider().probe(BackendConfig.DEFAULTS.with(MooncakeConfigKeys.METADATA, metadata));
    }

    @Test
    void isFoundByServiceLoader() {
        assertThat(ServiceLoader.load(TransferBackendProvider.class))
                .filteredOn(provider -> provider.name().equals("mooncake"))
                .singleElement()
                .isInstanceOf(MooncakeBackendProvider.class);
    }

    @ParameterizedTest
    @CsvSource({
        "etcd://10.0.0.1:2379, UNSUPPORTED",
        "redis://10.0.0.1:6379, UNSUPPORTED",
        "10.0.0.1:2379, INVALID_REQUEST",
        "http://, INVALID_REQUEST"
    })
    void metadataThatIsNotSpokenIsRefusedWithTheRemedy(String metadata, TransferErrorCode code) {
        assertThat(probe(metadata)).isInstanceOfSatisfying(Availability.Unavailable.class, no -> {
            assertThat(no.code()).isEqualTo(code);
            assertThat(no.fix()).contains("http://host:port/metadata", "P2PHANDSHAKE");
        });
    }

    @ParameterizedTest
    @CsvSource({"P2PHANDSHAKE", "http://10.0.0.1:8080/metadata"})
    void metadataThatIsSpokenIsAvailable(String metadata) {
        assertThat(probe(metadata)).isInstanceOf(Availability.Available.class);
    }
}
