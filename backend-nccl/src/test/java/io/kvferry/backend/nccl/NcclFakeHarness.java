package io.kvferry.backend.nccl;

import io.kvferry.conformance.BackendHarness;
import io.kvferry.spi.TransferBackendProvider;
import java.util.Map;
import java.util.Optional;

/** The backend over one {@link FakeGpu} that both sides use. */
final class NcclFakeHarness implements BackendHarness {
    private final FakeGpu gpu = new FakeGpu();
    private final String name;
    private final Map<String, String> config;

    NcclFakeHarness(String name, Map<String, String> config) {
        this.name = name;
        this.config = config;
    }

    @Override
    public TransferBackendProvider provider() {
        return new NcclBackendProvider(gpu);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Map<String, String> config() {
        return config;
    }

    @Override
    public boolean isReal() {
        return false;
    }

    @Override
    public Optional<DataPlaneFaults> dataPlaneFaults() {
        FakeNccl nccl = gpu.fakeNccl();
        return Optional.of(new DataPlaneFaults() {
            @Override
            public void freeze() {
                nccl.freeze(true);
            }

            @Override
            public void thaw() {
                nccl.freeze(false);
            }

            @Override
            public boolean fail() {
                nccl.fail(true);
                return true;
            }

            @Override
            public boolean corrupt() {
                nccl.corrupt(true);
                return true;
            }

            @Override
            public void heal() {
                nccl.fail(false);
                nccl.corrupt(false);
            }
        });
    }
}
