package io.kvferry.backend.mooncake;

import io.kvferry.conformance.BackendHarness;
import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.TransferBackendProvider;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.Optional;

/** The wire engine over sockets, in one of its configurations. */
record WireHarness(String name, Map<String, String> config) implements BackendHarness, BackendHarness.Sockets {
    @Override
    public TransferBackendProvider provider() {
        return new MooncakeBackendProvider();
    }

    @Override
    public Optional<Sockets> sockets() {
        return Optional.of(this);
    }

    @Override
    public InetSocketAddress listener(BackendEndpoint endpoint) {
        WireEndpoint own = WireEndpoint.decode(endpoint);
        return new InetSocketAddress(HostPort.parse(own.segment()).host(), own.dataPort());
    }

    @Override
    public BackendEndpoint dialedAt(BackendEndpoint endpoint, InetSocketAddress proxy) {
        WireEndpoint own = WireEndpoint.decode(endpoint);
        String segment = new HostPort(
                        proxy.getAddress().getHostAddress(),
                        HostPort.parse(own.segment()).port())
                .toString();
        return new WireEndpoint(own.incarnation(), proxy.getPort(), segment).encode();
    }

    @Override
    public boolean crossesProcesses() {
        return true;
    }
}
