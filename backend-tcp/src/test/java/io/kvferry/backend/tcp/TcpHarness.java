package io.kvferry.backend.tcp;

import io.kvferry.conformance.BackendHarness;
import io.kvferry.spi.TransferBackendProvider;
import java.util.Map;

/** The TCP backend over sockets, in one of its configurations. */
record TcpHarness(String name, Map<String, String> config) implements BackendHarness {
    @Override
    public TransferBackendProvider provider() {
        return new TcpBackendProvider();
    }

    @Override
    public boolean crossesProcesses() {
        return true;
    }
}
