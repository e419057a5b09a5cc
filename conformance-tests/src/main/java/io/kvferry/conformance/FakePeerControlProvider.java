package io.kvferry.conformance;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.PeerControlProvider;
import java.util.Set;

/** Peer control of one node of a {@link FakeNetwork}. */
final class FakePeerControlProvider implements PeerControlProvider {
    private final FakeNetwork network;
    private final PeerAddress address;

    FakePeerControlProvider(FakeNetwork network, PeerAddress address) {
        this.network = network;
        this.address = address;
    }

    @Override
    public String name() {
        return "fake";
    }

    @Override
    public Set<ConfigKey<?>> configKeys() {
        return Set.of();
    }

    @Override
    public PeerControl open(BackendConfig config, BackendEnvironment environment) {
        return new FakePeerControl(network, address, environment);
    }
}
