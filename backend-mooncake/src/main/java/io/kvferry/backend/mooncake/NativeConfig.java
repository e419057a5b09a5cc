package io.kvferry.backend.mooncake;

import io.kvferry.backend.mooncake.adapter.MooncakeAdapterSettings;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import java.time.Duration;

/** The values of {@link MooncakeConfigKeys} for the native engine. Immutable. */
record NativeConfig(
        MooncakeAdapterSettings adapter, int maxBatches, Duration pollInterval, int maxSegments, int maxTransfers) {
    /** @param advertisedHost what peers dial, unless a key says otherwise */
    static MooncakeAdapterSettings settings(BackendConfig config, String advertisedHost) {
        String host = config.get(MooncakeConfigKeys.ADVERTISED_HOST);
        String dialed = host.isEmpty() ? advertisedHost : host;
        String metadata = config.get(MooncakeConfigKeys.METADATA);
        String name = config.get(MooncakeConfigKeys.SEGMENT_NAME);
        return new MooncakeAdapterSettings(
                config.get(MooncakeConfigKeys.NATIVE_LIBRARY),
                config.get(MooncakeConfigKeys.NATIVE_TRANSPORT),
                metadata,
                metadata.equals(WireBackend.P2P) || name.isEmpty() ? dialed : name,
                config.get(MooncakeConfigKeys.NATIVE_LOCATION),
                config.get(MooncakeConfigKeys.NATIVE_BATCH));
    }

    static NativeConfig from(BackendConfig config, BackendEnvironment environment) {
        return new NativeConfig(
                settings(config, environment.advertisedHost()),
                config.get(MooncakeConfigKeys.NATIVE_BATCHES),
                config.get(MooncakeConfigKeys.NATIVE_POLL_INTERVAL),
                config.get(MooncakeConfigKeys.MAX_SEGMENTS),
                config.get(MooncakeConfigKeys.MAX_TRANSFERS));
    }

    /** Whether the engine's COMPLETED of a WRITE says by itself that the target applied it. */
    boolean isTcp() {
        return adapter.transport().equals("tcp");
    }
}
