package io.kvferry.cli;

import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferErrorCode;
import java.util.Set;

/** A backend that comes from elsewhere and cannot run here. */
public final class ForeignProvider implements TransferBackendProvider {
    /** Made by the service loader. */
    public ForeignProvider() {}

    @Override
    public String name() {
        return "foreign";
    }

    @Override
    public Set<ConfigKey<?>> configKeys() {
        return Set.of();
    }

    @Override
    public Availability probe(BackendConfig config) {
        return new Availability.Unavailable(TransferErrorCode.BACKEND_UNAVAILABLE, "it is missing", "get one");
    }

    @Override
    public TransferBackend open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
        throw new AssertionError("opened although it is not available");
    }
}
