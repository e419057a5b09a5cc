package io.kvferry.backend.mooncake;

import io.kvferry.backend.mooncake.adapter.MooncakeAdapterProvider;
import io.kvferry.backend.mooncake.adapter.TransferEngineProvider;
import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.Set;

/**
 * Opens the Mooncake backend, selected by {@code kvferry.backend = mooncake}.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class MooncakeBackendProvider implements TransferBackendProvider {
    private final MooncakeAdapterProvider adapters;

    /** Made by {@link java.util.ServiceLoader}. */
    public MooncakeBackendProvider() {
        this(new TransferEngineProvider());
    }

    /** @param adapters makes the native engine */
    MooncakeBackendProvider(MooncakeAdapterProvider adapters) {
        this.adapters = adapters;
    }

    @Override
    public String name() {
        return WireBackend.NAME;
    }

    @Override
    public Set<ConfigKey<?>> configKeys() {
        return MooncakeConfigKeys.all();
    }

    @Override
    public Availability probe(BackendConfig config) {
        return switch (config.get(MooncakeConfigKeys.ENGINE)) {
            case WIRE -> probeWire(config.get(MooncakeConfigKeys.METADATA));
            case NATIVE -> adapters.probe(NativeConfig.settings(config, ""));
        };
    }

    private static Availability probeWire(String metadata) {
        if (metadata.startsWith("etcd://") || metadata.startsWith("redis://")) {
            return new Availability.Unavailable(
                    TransferErrorCode.UNSUPPORTED,
                    "kvferry.mooncake.metadata=" + metadata + " needs a store that is not spoken here",
                    "run Mooncake's HTTP metadata server and set kvferry.mooncake.metadata=http://host:port/metadata, or"
                            + " P2PHANDSHAKE to ask peers themselves");
        }
        if (!metadata.equals(WireBackend.P2P) && !metadata.matches("https?://[^ ?#]+")) {
            return new Availability.Unavailable(
                    TransferErrorCode.INVALID_REQUEST,
                    "kvferry.mooncake.metadata=" + metadata + " is neither P2PHANDSHAKE nor a URL",
                    "set it to P2PHANDSHAKE or http://host:port/metadata");
        }
        return new Availability.Available("Mooncake's TCP wire");
    }

    @Override
    public TransferBackend open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
        if (probe(config) instanceof Availability.Unavailable(TransferErrorCode code, String reason, String fix)) {
            throw new TransferException(code, Stage.OPEN, reason + "; " + fix);
        }
        return switch (config.get(MooncakeConfigKeys.ENGINE)) {
            case WIRE -> WireBackend.open(MooncakeConfig.from(config, environment), environment, deadline);
            case NATIVE -> NativeBackend.open(adapters, NativeConfig.from(config, environment), environment);
        };
    }
}
