package io.kvferry.lab;

import io.kvferry.conformance.BackendHarness;
import io.kvferry.spi.TransferBackendProvider;
import java.util.Map;
import java.util.TreeMap;

/** The RDMA backend by one library on real ibverbs, which here are soft-RoCE's. */
final class RdmaHarness implements BackendHarness {
    private static final String DISNI = "disni";

    private final BackendHarness rdma = BackendHarness.named("rdma");
    private final String library;

    RdmaHarness(String library) {
        this.library = library;
    }

    @Override
    public TransferBackendProvider provider() {
        return rdma.provider();
    }

    @Override
    public String name() {
        return "rdma-" + library;
    }

    @Override
    public Map<String, String> config() {
        // an owner thread that spins takes its processor from the device, which here is the kernel, and from its peer
        Map<String, String> config =
                new TreeMap<>(Map.of("kvferry.rdma.provider", library, "kvferry.rdma.spin-turns", "0"));
        if (library.equals(DISNI)) {
            config.put("kvferry.rdma.disni.address", Settings.HOST);
        }
        return config;
    }

    @Override
    public boolean crossesProcesses() {
        return true;
    }
}
