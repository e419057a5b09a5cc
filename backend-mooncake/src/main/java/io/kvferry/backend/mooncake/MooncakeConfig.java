package io.kvferry.backend.mooncake;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import java.time.Duration;

/** The values of {@link MooncakeConfigKeys} for the wire engine, with what environment and machine decide filled in. Immutable. */
record MooncakeConfig(
        String bindHost,
        String advertisedHost,
        int handshakePort,
        int dataPort,
        String metadata,
        String segmentName,
        int lanes,
        long stripeBytes,
        int sliceBytes,
        int pipeline,
        long readAheadBytes,
        int sendQueueBytes,
        int eventLoopThreads,
        int readsPerWakeup,
        Duration connectTimeout,
        Duration handshakeTimeout,
        int handshakeMaxLength,
        Duration progressTimeout,
        Duration idleTimeout,
        Duration segmentMaxAge,
        int maxSegments,
        int maxConnections,
        int maxTransfers) {

    static MooncakeConfig from(BackendConfig config, BackendEnvironment environment) {
        int threads = config.get(MooncakeConfigKeys.EVENT_LOOP_THREADS);
        return new MooncakeConfig(
                orElse(config.get(MooncakeConfigKeys.BIND_HOST), environment.bindHost()),
                orElse(config.get(MooncakeConfigKeys.ADVERTISED_HOST), environment.advertisedHost()),
                config.get(MooncakeConfigKeys.HANDSHAKE_PORT),
                config.get(MooncakeConfigKeys.DATA_PORT),
                config.get(MooncakeConfigKeys.METADATA),
                config.get(MooncakeConfigKeys.SEGMENT_NAME),
                config.get(MooncakeConfigKeys.LANES),
                config.get(MooncakeConfigKeys.STRIPE),
                Math.toIntExact(config.get(MooncakeConfigKeys.SLICE)),
                config.get(MooncakeConfigKeys.PIPELINE),
                config.get(MooncakeConfigKeys.READ_AHEAD),
                Math.toIntExact(config.get(MooncakeConfigKeys.SEND_QUEUE)),
                threads > 0 ? threads : Math.clamp(Runtime.getRuntime().availableProcessors(), 2, 8),
                config.get(MooncakeConfigKeys.READS_PER_WAKEUP),
                config.get(MooncakeConfigKeys.CONNECT_TIMEOUT),
                config.get(MooncakeConfigKeys.HANDSHAKE_TIMEOUT),
                Math.toIntExact(config.get(MooncakeConfigKeys.HANDSHAKE_MAX_LENGTH)),
                config.get(MooncakeConfigKeys.PROGRESS_TIMEOUT),
                config.get(MooncakeConfigKeys.IDLE_TIMEOUT),
                config.get(MooncakeConfigKeys.SEGMENT_MAX_AGE),
                config.get(MooncakeConfigKeys.MAX_SEGMENTS),
                config.get(MooncakeConfigKeys.MAX_CONNECTIONS),
                config.get(MooncakeConfigKeys.MAX_TRANSFERS));
    }

    private static String orElse(String value, String otherwise) {
        return value.isEmpty() ? otherwise : value;
    }
}
