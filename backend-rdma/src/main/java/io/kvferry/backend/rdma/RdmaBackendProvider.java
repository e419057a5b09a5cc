package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.RdmaAdapterProvider;
import io.kvferry.backend.rdma.adapter.disni.DisniAdapterProvider;
import io.kvferry.backend.rdma.adapter.ucx.UcxAdapterProvider;
import io.kvferry.backend.rdma.adapter.verbs.VerbsAdapterProvider;
import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens the RDMA backend, selected by {@code kvferry.backend = rdma}, over the library that {@code kvferry.rdma.provider}
 * names, or the first that this machine has.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class RdmaBackendProvider implements TransferBackendProvider {
    private static final Logger LOG = LoggerFactory.getLogger(RdmaBackendProvider.class);

    private final List<RdmaAdapterProvider> adapters;

    /** Made by {@link java.util.ServiceLoader}. */
    public RdmaBackendProvider() {
        this(List.of(new VerbsAdapterProvider(), new UcxAdapterProvider(), new DisniAdapterProvider()));
    }

    /**
     * Makes a provider over given libraries.
     *
     * @param adapters in order of preference
     */
    RdmaBackendProvider(List<RdmaAdapterProvider> adapters) {
        this.adapters = List.copyOf(adapters);
    }

    @Override
    public String name() {
        return RdmaBackend.NAME;
    }

    @Override
    public Set<ConfigKey<?>> configKeys() {
        Set<ConfigKey<?>> keys = new LinkedHashSet<>(RdmaConfigKeys.ALL);
        adapters.forEach(adapter -> keys.addAll(adapter.configKeys()));
        return keys;
    }

    @Override
    public Availability probe(BackendConfig config) {
        return choose(config).availability();
    }

    @Override
    public TransferBackend open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
        if (deadline.isExpired()) {
            throw new TransferException(
                    TransferErrorCode.DEADLINE_EXCEEDED,
                    Stage.OPEN,
                    "the deadline passed before the backend was opened");
        }
        Choice choice = choose(config);
        if (choice.availability() instanceof Availability.Unavailable(TransferErrorCode code, String why, String fix)) {
            throw new TransferException(code, Stage.OPEN, why + "; " + fix);
        }
        RdmaBackend backend = RdmaBackend.open(
                choice.adapter().open(config, environment, deadline), RdmaSettings.from(config), environment);
        LOG.info("{}", backend.info().description());
        return backend;
    }

    /** What was asked for, or the first that is available; with what to say about it. */
    private record Choice(RdmaAdapterProvider adapter, Availability availability) {}

    private Choice choose(BackendConfig config) {
        String wanted = config.get(RdmaConfigKeys.PROVIDER);
        List<Choice> choices = adapters.stream()
                .filter(adapter -> wanted.isEmpty() || adapter.name().equals(wanted))
                .map(adapter -> new Choice(adapter, adapter.probe(config)))
                .toList();
        return choices.stream()
                .filter(choice -> choice.availability() instanceof Availability.Available)
                .findFirst()
                .map(choice -> new Choice(choice.adapter(), describe(choice, choices)))
                .orElseGet(() -> none(wanted, choices));
    }

    private static Availability describe(Choice chosen, List<Choice> choices) {
        String skipped = choices.stream()
                .takeWhile(choice -> !choice.equals(chosen))
                .map(choice -> "; not " + reason(choice))
                .collect(Collectors.joining());
        return new Availability.Available(chosen.adapter().name() + ": " + describe(chosen.availability()) + skipped);
    }

    private static String describe(Availability availability) {
        return switch (availability) {
            case Availability.Available(String description) -> description;
            case Availability.Unavailable(var code, String reason, String fix) -> reason;
        };
    }

    private static String reason(Choice choice) {
        return choice.adapter().name() + ": " + describe(choice.availability());
    }

    private Choice none(String wanted, List<Choice> choices) {
        if (choices.isEmpty()) {
            return new Choice(
                    adapters.getFirst(),
                    new Availability.Unavailable(
                            TransferErrorCode.INVALID_REQUEST,
                            RdmaConfigKeys.PROVIDER.name() + "=" + wanted + " is not one of "
                                    + adapters.stream()
                                            .map(RdmaAdapterProvider::name)
                                            .toList(),
                            "set one of them, or none to take the first that is available"));
        }
        String fixes = choices.stream()
                .map(choice -> choice.adapter().name() + ": "
                        + (choice.availability() instanceof Availability.Unavailable missing ? missing.fix() : ""))
                .collect(Collectors.joining("; or "));
        return new Choice(
                choices.getFirst().adapter(),
                new Availability.Unavailable(
                        TransferErrorCode.BACKEND_UNAVAILABLE,
                        choices.stream().map(RdmaBackendProvider::reason).collect(Collectors.joining("; ")),
                        fixes));
    }
}
