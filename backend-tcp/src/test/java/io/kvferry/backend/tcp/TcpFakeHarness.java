package io.kvferry.backend.tcp;

import io.kvferry.conformance.BackendHarness;
import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferBackendProvider;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;

/** The TCP backend's logic over {@link FakeTransport}. */
final class TcpFakeHarness implements BackendHarness, BackendHarness.DataPlaneFaults {
    private final TransferBackendProvider provider = new Provider();
    private final List<FakeTransport> transports = new CopyOnWriteArrayList<>();
    private volatile boolean frozen;

    @Override
    public TransferBackendProvider provider() {
        return provider;
    }

    @Override
    public String name() {
        return "tcp-fake";
    }

    @Override
    public boolean isReal() {
        return false;
    }

    @Override
    public Optional<DataPlaneFaults> dataPlaneFaults() {
        return Optional.of(this);
    }

    @Override
    public void freeze() {
        frozen = true;
        transports.forEach(FakeTransport::hold);
    }

    @Override
    public void thaw() {
        frozen = false;
        transports.forEach(FakeTransport::release);
    }

    /** Opens the backend over a transport of its own. */
    private final class Provider implements TransferBackendProvider {
        @Override
        public String name() {
            return TcpBackend.NAME;
        }

        @Override
        public Set<ConfigKey<?>> configKeys() {
            return new TcpBackendProvider().configKeys();
        }

        @Override
        public Availability probe(BackendConfig config) {
            return new Availability.Available("connections in memory");
        }

        @Override
        public TransferBackend open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
            FakeTransport transport = new FakeTransport(Long.getLong("kvferry.conformance.seed", 1));
            if (frozen) {
                transport.hold();
            }
            transports.add(transport);
            return TcpBackend.open(transport, TcpBackendConfig.from(config, environment), environment, deadline);
        }
    }
}
