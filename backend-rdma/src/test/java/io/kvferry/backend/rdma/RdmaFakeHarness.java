package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.RdmaAdapter;
import io.kvferry.backend.rdma.adapter.RdmaAdapterProvider;
import io.kvferry.conformance.BackendHarness;
import io.kvferry.conformance.FaultPlan;
import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferErrorCode;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** The backend's logic over {@link FakeRdmaAdapter}. */
final class RdmaFakeHarness implements BackendHarness, BackendHarness.DataPlaneFaults {
    private final FaultPlan faults = FaultPlan.seeded();
    private final FakeFabric fabric = new FakeFabric(faults);
    private final Isolation isolation;
    private final TransferBackendProvider provider = new RdmaBackendProvider(List.of(new Adapters()));

    RdmaFakeHarness(Isolation isolation) {
        this.isolation = isolation;
    }

    @Override
    public TransferBackendProvider provider() {
        return provider;
    }

    @Override
    public String name() {
        return "rdma-fake-" + isolation.name().toLowerCase(Locale.ROOT);
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
        fabric.freeze();
    }

    @Override
    public void thaw() {
        fabric.thaw();
    }

    @Override
    public boolean fail() {
        faults.always("batch", FaultPlan.Action.refuse(TransferErrorCode.TRANSFER_FAILED));
        return true;
    }

    @Override
    public void heal() {
        faults.clear();
    }

    private final class Adapters implements RdmaAdapterProvider {
        @Override
        public String name() {
            return "fake";
        }

        @Override
        public Set<ConfigKey<?>> configKeys() {
            return Set.of();
        }

        @Override
        public Availability probe(BackendConfig config) {
            return new Availability.Available("memory copies");
        }

        @Override
        public RdmaAdapter open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
            FakeRdmaAdapter adapter =
                    new FakeRdmaAdapter(fabric, isolation, environment.self().bootId());
            fabric.add(adapter);
            return adapter;
        }
    }
}
