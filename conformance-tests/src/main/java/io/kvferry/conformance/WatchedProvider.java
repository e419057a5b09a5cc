package io.kvferry.conformance;

import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferBackendProvider;
import java.util.Set;

/** Puts a {@link WatchedBackend} between an engine and the backend under test. */
final class WatchedProvider implements TransferBackendProvider {
    private final TransferBackendProvider delegate;
    private final Watch watch;

    WatchedProvider(TransferBackendProvider delegate, Watch watch) {
        this.delegate = delegate;
        this.watch = watch;
    }

    @Override
    public String name() {
        return delegate.name();
    }

    @Override
    public Set<ConfigKey<?>> configKeys() {
        return delegate.configKeys();
    }

    @Override
    public Availability probe(BackendConfig config) {
        return delegate.probe(config);
    }

    @Override
    public TransferBackend open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
        return new WatchedBackend(delegate.open(config, environment, deadline), watch);
    }
}
