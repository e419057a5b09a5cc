package io.kvferry.backend.rdma.adapter.disni;

import io.kvferry.backend.rdma.adapter.RdmaAdapter;
import io.kvferry.backend.rdma.adapter.RdmaAdapterProvider;
import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.Set;

/**
 * Opens DiSNI, an optional dependency. Nothing of it is loaded before it is asked for.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class DisniAdapterProvider implements RdmaAdapterProvider {
    static final String NAME = "disni";

    /** Loads nothing. */
    public DisniAdapterProvider() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Set<ConfigKey<?>> configKeys() {
        return DisniConfigKeys.ALL;
    }

    @Override
    public Availability probe(BackendConfig config) {
        try {
            var ignored = DisniLibrary.load();
            return new Availability.Available("DiSNI 2.1 with libdisni");
        } catch (TransferException e) {
            return new Availability.Unavailable(e.code(), e.error().detail(), DisniLibrary.fix());
        }
    }

    @Override
    public RdmaAdapter open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
        if (probe(config) instanceof Availability.Unavailable(TransferErrorCode code, String reason, String fix)) {
            throw new TransferException(code, Stage.OPEN, reason + "; " + fix);
        }
        return DisniAdapter.open(DisniLibrary.load(), config, environment);
    }
}
