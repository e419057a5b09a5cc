package io.kvferry.backend.mooncake;

import io.kvferry.conformance.BackendHarness;
import io.kvferry.conformance.FaultPlan;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferErrorCode;
import java.util.Map;
import java.util.Optional;

/** The native engine's logic over {@link FakeMooncakeAdapter}. */
final class NativeFakeHarness implements BackendHarness, BackendHarness.DataPlaneFaults {
    private final FaultPlan faults = FaultPlan.seeded();
    private final FakeEngines engines = new FakeEngines(faults);
    private final TransferBackendProvider provider = new MooncakeBackendProvider(engines);

    @Override
    public TransferBackendProvider provider() {
        return provider;
    }

    @Override
    public String name() {
        return "mooncake-native-fake";
    }

    /** Not tcp, where WRITEs need evidence of their own. */
    @Override
    public Map<String, String> config() {
        return Map.of("kvferry.mooncake.engine", "native", "kvferry.mooncake.native-transport", "rdma");
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
        engines.freeze();
    }

    @Override
    public void thaw() {
        engines.thaw();
    }

    @Override
    public boolean fail() {
        faults.always("task", FaultPlan.Action.refuse(TransferErrorCode.TRANSFER_FAILED));
        return true;
    }

    @Override
    public void heal() {
        faults.clear();
    }
}
