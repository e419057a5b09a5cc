package io.kvferry.backend.mooncake;

import io.kvferry.conformance.BackendHarness;
import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferErrorCode;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** The native engine over the real library, which an environment variable names, by TCP. */
final class NativeLibraryHarness implements BackendHarness {
    private static final String VARIABLE = "KVFERRY_LIBTRANSFER_ENGINE";
    private static final String LIBRARY = Objects.requireNonNullElse(System.getenv(VARIABLE), "");

    @Override
    public String name() {
        return "mooncake-native-tcp";
    }

    @Override
    public Map<String, String> config() {
        return Map.of("kvferry.mooncake.engine", "native", "kvferry.mooncake.native-library", LIBRARY);
    }

    @Override
    public boolean crossesProcesses() {
        return true;
    }

    @Override
    public TransferBackendProvider provider() {
        return new Named(new MooncakeBackendProvider());
    }

    /** Unavailable where no library is named, whatever the configuration. */
    private record Named(TransferBackendProvider real) implements TransferBackendProvider {
        @Override
        public String name() {
            return real.name();
        }

        @Override
        public Set<ConfigKey<?>> configKeys() {
            return real.configKeys();
        }

        @Override
        public Availability probe(BackendConfig config) {
            return LIBRARY.isEmpty()
                    ? new Availability.Unavailable(
                            TransferErrorCode.BACKEND_UNAVAILABLE,
                            VARIABLE + " is not set",
                            "let it name a libtransfer_engine.so")
                    : real.probe(config);
        }

        @Override
        public TransferBackend open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
            return real.open(config, environment, deadline);
        }
    }
}
