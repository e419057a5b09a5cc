package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.ucx.UcxAdapterProvider;
import io.kvferry.conformance.BackendHarness;
import io.kvferry.spi.TransferBackendProvider;
import java.util.List;
import java.util.Map;

/** The backend over UCX, by one of the transports that need no device. */
record UcxHarness(String name, Map<String, String> config) implements BackendHarness {
    /** Through the listener; by address, a connection that is closed with bytes in flight ends the process. */
    static UcxHarness tcp() {
        return new UcxHarness(
                "rdma-ucx-tcp",
                Map.of(
                        "kvferry.rdma.provider",
                        "ucx",
                        "kvferry.rdma.ucx.transports",
                        "tcp",
                        "kvferry.rdma.ucx.wireup",
                        "socket"));
    }

    static UcxHarness sharedMemory() {
        return new UcxHarness(
                "rdma-ucx-shared-memory",
                Map.of(
                        "kvferry.rdma.provider",
                        "ucx",
                        "kvferry.rdma.ucx.transports",
                        "posix,cma",
                        "kvferry.rdma.ucx.peer-errors",
                        "false"));
    }

    /** With UCX alone, so that a machine without it skips for its absence whatever else it has. */
    @Override
    public TransferBackendProvider provider() {
        return new RdmaBackendProvider(List.of(new UcxAdapterProvider()));
    }

    @Override
    public boolean crossesProcesses() {
        return true;
    }
}
