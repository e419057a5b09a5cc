package io.kvferry.control.peer;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.PeerControlProvider;
import java.util.Set;

/**
 * Makes peer control over gRPC; selected by {@code kvferry.peer-control = grpc}.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class GrpcPeerControlProvider implements PeerControlProvider {
    /** For {@link java.util.ServiceLoader}. */
    public GrpcPeerControlProvider() {}

    @Override
    public String name() {
        return "grpc";
    }

    @Override
    public Set<ConfigKey<?>> configKeys() {
        return PeerConfigKeys.all();
    }

    @Override
    public PeerControl open(BackendConfig config, BackendEnvironment environment) {
        return new GrpcPeerControl(config, environment);
    }
}
