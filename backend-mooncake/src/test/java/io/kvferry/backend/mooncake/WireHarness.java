package io.kvferry.backend.mooncake;

import io.kvferry.conformance.BackendHarness;
import io.kvferry.spi.TransferBackendProvider;
import java.util.Map;

/** The wire engine over sockets, in one of its configurations. */
record WireHarness(String name, Map<String, String> config) implements BackendHarness {
    @Override
    public TransferBackendProvider provider() {
        return new MooncakeBackendProvider();
    }

    @Override
    public boolean crossesProcesses() {
        return true;
    }
}
