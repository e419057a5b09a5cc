package io.kvferry.backend.rdma;

import io.kvferry.conformance.BackendHarness;
import io.kvferry.spi.TransferBackendProvider;
import java.util.Map;

/** The backend over UCX, by one of the transports that need no device. */
record UcxHarness(String name, Map<String, String> config) implements BackendHarness {
    static UcxHarness tcp() {
        return new UcxHarness(
                "rdma-ucx-tcp", Map.of("kvferry.rdma.provider", "ucx", "kvferry.rdma.ucx.transports", "tcp"));
    }

    @Override
    public TransferBackendProvider provider() {
        return new RdmaBackendProvider();
    }

    @Override
    public boolean crossesProcesses() {
        return true;
    }
}
