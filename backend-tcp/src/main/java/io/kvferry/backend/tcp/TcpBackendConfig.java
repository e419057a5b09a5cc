package io.kvferry.backend.tcp;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import java.time.Duration;

/** The values of {@link TcpConfigKeys}, with what the environment and the machine decide filled in. Immutable. */
record TcpBackendConfig(
        String bindHost,
        int port,
        String advertisedHost,
        int lanes,
        long stripeBytes,
        int frameBytes,
        int sendQueueBytes,
        int eventLoopThreads,
        int readsPerWakeup,
        Duration connectTimeout,
        Duration progressTimeout,
        Duration userTimeout,
        Duration idleTimeout,
        int sendBufferBytes,
        int receiveBufferBytes,
        String congestionControl,
        int maxConnections,
        int maxTransfers) {

    static TcpBackendConfig from(BackendConfig config, BackendEnvironment environment) {
        int threads = config.get(TcpConfigKeys.EVENT_LOOP_THREADS);
        return new TcpBackendConfig(
                orElse(config.get(TcpConfigKeys.BIND_HOST), environment.bindHost()),
                config.get(TcpConfigKeys.PORT),
                orElse(config.get(TcpConfigKeys.ADVERTISED_HOST), environment.advertisedHost()),
                config.get(TcpConfigKeys.LANES),
                config.get(TcpConfigKeys.STRIPE),
                config.get(TcpConfigKeys.FRAME_SIZE).intValue(),
                config.get(TcpConfigKeys.SEND_QUEUE).intValue(),
                threads > 0 ? threads : Math.clamp(Runtime.getRuntime().availableProcessors(), 2, 8),
                config.get(TcpConfigKeys.READS_PER_WAKEUP),
                config.get(TcpConfigKeys.CONNECT_TIMEOUT),
                config.get(TcpConfigKeys.PROGRESS_TIMEOUT),
                config.get(TcpConfigKeys.USER_TIMEOUT),
                config.get(TcpConfigKeys.IDLE_TIMEOUT),
                config.get(TcpConfigKeys.SEND_BUFFER).intValue(),
                config.get(TcpConfigKeys.RECEIVE_BUFFER).intValue(),
                config.get(TcpConfigKeys.CONGESTION_CONTROL),
                config.get(TcpConfigKeys.MAX_CONNECTIONS),
                config.get(TcpConfigKeys.MAX_TRANSFERS));
    }

    private static String orElse(String value, String other) {
        return value.isEmpty() ? other : value;
    }
}
