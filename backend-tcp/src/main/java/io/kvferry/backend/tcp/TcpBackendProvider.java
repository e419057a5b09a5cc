package io.kvferry.backend.tcp;

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
import java.util.Locale;
import java.util.Set;

/**
 * Opens the TCP backend, selected by {@code kvferry.backend = tcp}.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class TcpBackendProvider implements TransferBackendProvider {
    /** Made by {@link java.util.ServiceLoader}. */
    public TcpBackendProvider() {}

    @Override
    public String name() {
        return TcpBackend.NAME;
    }

    @Override
    public Set<ConfigKey<?>> configKeys() {
        return TcpConfigKeys.all();
    }

    @Override
    public Availability probe(BackendConfig config) {
        SocketTransport transport = SocketTransport.of(config.get(TcpConfigKeys.TRANSPORT));
        String word = transport.name().toLowerCase(Locale.ROOT).replace('_', '-');
        Throwable cause = transport.unavailabilityCause();
        if (cause != null) {
            return new Availability.Unavailable(
                    TransferErrorCode.BACKEND_UNAVAILABLE,
                    "kvferry.tcp.transport=" + word + " does not run here: " + cause,
                    "set kvferry.tcp.transport=auto, or run on Linux with io.netty:netty-transport-native-"
                            + word.replace('-', '_') + " on the class path and --enable-native-access=ALL-UNNAMED");
        }
        if (transport == SocketTransport.NIO
                && !config.get(TcpConfigKeys.CONGESTION_CONTROL).isEmpty()) {
            return new Availability.Unavailable(
                    TransferErrorCode.INVALID_REQUEST,
                    "kvferry.tcp.transport=nio cannot set kvferry.tcp.congestion-control="
                            + config.get(TcpConfigKeys.CONGESTION_CONTROL),
                    "unset kvferry.tcp.congestion-control, or set kvferry.tcp.transport=epoll");
        }
        return new Availability.Available("TCP by " + word);
    }

    @Override
    public TransferBackend open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
        if (probe(config) instanceof Availability.Unavailable(TransferErrorCode code, String reason, String fix)) {
            throw new TransferException(code, Stage.OPEN, reason + "; " + fix);
        }
        return TcpBackend.open(
                SocketTransport.of(config.get(TcpConfigKeys.TRANSPORT)),
                TcpBackendConfig.from(config, environment),
                environment,
                deadline);
    }
}
