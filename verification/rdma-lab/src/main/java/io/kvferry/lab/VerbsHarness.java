package io.kvferry.lab;

import io.kvferry.conformance.BackendHarness;
import io.kvferry.spi.TransferBackendProvider;
import java.util.Map;

/** The RDMA backend on real ibverbs, which here are soft-RoCE's. */
final class VerbsHarness implements BackendHarness {
    private final BackendHarness rdma = BackendHarness.named("rdma");

    @Override
    public TransferBackendProvider provider() {
        return rdma.provider();
    }

    @Override
    public String name() {
        return "rdma-verbs";
    }

    @Override
    public Map<String, String> config() {
        return Map.of("kvferry.rdma.provider", "verbs");
    }

    @Override
    public boolean crossesProcesses() {
        return true;
    }
}
