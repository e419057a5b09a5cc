package io.kvferry.backend.tcp;

import io.kvferry.conformance.BackendHarness;
import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.TransferBackendProvider;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.Optional;

/** The TCP backend over sockets, in one of its configurations. */
record TcpHarness(String name, Map<String, String> config) implements BackendHarness, BackendHarness.Sockets {
    @Override
    public TransferBackendProvider provider() {
        return new TcpBackendProvider();
    }

    @Override
    public Optional<Sockets> sockets() {
        return Optional.of(this);
    }

    @Override
    public InetSocketAddress listener(BackendEndpoint endpoint) {
        TcpEndpoint own = TcpEndpoint.decode(endpoint);
        return new InetSocketAddress(own.host(), own.port());
    }

    @Override
    public BackendEndpoint dialedAt(BackendEndpoint endpoint, InetSocketAddress proxy) {
        long instance = TcpEndpoint.decode(endpoint).instance();
        return new TcpEndpoint(proxy.getAddress().getHostAddress(), proxy.getPort(), instance).encode();
    }

    @Override
    public boolean crossesProcesses() {
        return true;
    }
}
