package io.kvferry.engine;

import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.BackendInfo;
import io.kvferry.spi.BackendOffer;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.DeviceMemory;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.WireId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The backends of one engine: those it has open, in order of preference, and why others are not. */
final class Backends {
    private static final Logger LOG = LoggerFactory.getLogger(Backends.class);

    private final List<OpenBackend> open;
    private final List<BackendStatus> statuses;

    private Backends(List<OpenBackend> open, List<BackendStatus> statuses) {
        this.open = List.copyOf(open);
        this.statuses = List.copyOf(statuses);
    }

    /** Opens what {@code kvferry.backend} names, all or none. */
    static Backends open(
            Map<String, TransferBackendProvider> providers, EngineContext context, BackendEnvironment environment) {
        BackendConfig config = context.settings();
        List<TransferBackend> backends = new ArrayList<>();
        try {
            for (String name : names(config)) {
                backends.add(openOne(provider(providers, name), config, environment));
            }
            stage(backends, context);
            List<OpenBackend> open = new ArrayList<>();
            for (TransferBackend backend : backends) {
                open.add(describe(open.size(), backend, config, environment));
            }
            return new Backends(open, statuses(providers, config, open));
        } catch (RuntimeException | Error e) {
            ClosingSteps steps = new ClosingSteps();
            Deadline deadline = after(config.get(EngineConfigKeys.CLOSE_TIMEOUT), environment);
            backends.sort(Comparator.comparingInt(backend -> isStaged(backend) ? 0 : 1));
            for (TransferBackend backend : backends) {
                steps.run(backend.info().name(), () -> backend.close(deadline));
            }
            throw e;
        }
    }

    /** Replaces those that move one kind of memory by staged ones, where the configuration asks for it. */
    private static void stage(List<TransferBackend> backends, EngineContext context) {
        BackendConfig config = context.settings();
        if (config.get(EngineConfigKeys.STAGING) == Staging.NONE) {
            return;
        }
        DeviceMemory port = backends.stream()
                .map(TransferBackend::deviceMemory)
                .flatMap(Optional::stream)
                .findFirst()
                .orElseThrow(() -> new TransferException(
                        TransferErrorCode.BACKEND_UNAVAILABLE,
                        Stage.OPEN,
                        "kvferry.staging = pinned, and none of kvferry.backend = "
                                + String.join(",", config.get(EngineConfigKeys.BACKEND))
                                + " knows a device: add nccl to it"));
        for (int i = 0; i < backends.size(); i++) {
            backends.set(
                    i,
                    StagedBackend.around(
                            backends.get(i),
                            context,
                            port,
                            config.get(EngineConfigKeys.STAGING_SIZE),
                            context.after(config.get(EngineConfigKeys.OPEN_TIMEOUT))));
        }
    }

    /** A staged backend is closed before others: its memory comes from one of them. */
    private static boolean isStaged(TransferBackend backend) {
        return backend instanceof StagedBackend;
    }

    private static List<String> names(BackendConfig config) {
        List<String> names = config.get(EngineConfigKeys.BACKEND);
        if (names.isEmpty() || new HashSet<>(names).size() != names.size()) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.OPEN,
                    "kvferry.backend = " + String.join(",", names) + ": name at least one backend, and each once");
        }
        return names;
    }

    private static TransferBackendProvider provider(Map<String, TransferBackendProvider> providers, String name) {
        TransferBackendProvider provider = providers.get(name);
        if (provider == null) {
            throw new TransferException(
                    TransferErrorCode.BACKEND_UNAVAILABLE,
                    Stage.OPEN,
                    "kvferry.backend names '" + name + "', on the class path are " + providers.keySet()
                            + ": add the artifact io.kvferry:kvferry-backend-" + name + " or change the key");
        }
        return provider;
    }

    private static TransferBackend openOne(
            TransferBackendProvider provider, BackendConfig config, BackendEnvironment environment) {
        switch (provider.probe(config)) {
            case Availability.Unavailable no ->
                throw new TransferException(
                        no.code(),
                        Stage.OPEN,
                        "backend '" + provider.name() + "' cannot run here: " + no.reason() + ". Remedy: " + no.fix());
            case Availability.Available yes -> LOG.debug("backend {}: {}", provider.name(), yes.description());
        }
        return provider.open(config, environment, after(config.get(EngineConfigKeys.OPEN_TIMEOUT), environment));
    }

    private static OpenBackend describe(
            int index, TransferBackend backend, BackendConfig config, BackendEnvironment environment) {
        BackendInfo info = backend.info();
        boolean serves = info.isolation().compareTo(config.get(EngineConfigKeys.MIN_ISOLATION)) >= 0;
        if (info.isolation() == Isolation.NONE && serves) {
            LOG.warn(
                    "backend {} has isolation NONE: a peer that breaks the rules can reach any memory of this process."
                            + " Set kvferry.min-isolation to refuse such backends",
                    info.name());
        }
        BackendOffer offer = new BackendOffer(
                info.name(),
                info.wireId(),
                info.capabilities(),
                info.isolation(),
                Envelopes.seal(
                        Envelopes.Address.ofEndpoint(
                                info.wireId(), environment.self().bootId()),
                        backend.endpoint()));
        LOG.info("backend {} is open: {}", info.name(), info.description());
        return new OpenBackend(index, backend, info, offer, serves);
    }

    private static List<BackendStatus> statuses(
            Map<String, TransferBackendProvider> providers, BackendConfig config, List<OpenBackend> open) {
        List<BackendStatus> statuses = new ArrayList<>();
        for (OpenBackend backend : open) {
            statuses.add(new BackendStatus(
                    backend.name(), new Availability.Available(backend.info().description()), backend.info()));
        }
        for (TransferBackendProvider provider : providers.values()) {
            if (open.stream().noneMatch(backend -> backend.name().equals(provider.name()))) {
                statuses.add(new BackendStatus(provider.name(), provider.probe(config), null));
            }
        }
        return statuses;
    }

    private static Deadline after(Duration duration, BackendEnvironment environment) {
        return Deadline.after(duration, environment.ticker());
    }

    /** In order of preference. */
    List<OpenBackend> open() {
        return open;
    }

    List<BackendStatus> statuses() {
        return statuses;
    }

    /** What peers are told: those that may serve. */
    List<BackendOffer> offers() {
        return open.stream().filter(OpenBackend::serves).map(OpenBackend::offer).toList();
    }

    @Nullable
    OpenBackend byWire(WireId wireId) {
        for (OpenBackend backend : open) {
            if (backend.info().wireId().equals(wireId)) {
                return backend;
            }
        }
        return null;
    }

    @Nullable
    OpenBackend byName(String name) {
        for (OpenBackend backend : open) {
            if (backend.name().equals(name)) {
                return backend;
            }
        }
        return null;
    }

    /** The copy port of the first backend that brings one. */
    Optional<DeviceMemory> deviceMemory() {
        return open.stream()
                .map(backend -> backend.backend().deviceMemory())
                .flatMap(Optional::stream)
                .findFirst();
    }

    List<CloseReport> close(Deadline deadline) {
        List<CloseReport> reports = new ArrayList<>();
        List<OpenBackend> order = new ArrayList<>(open);
        order.sort(Comparator.comparingInt(backend -> isStaged(backend.backend()) ? 0 : 1));
        for (OpenBackend backend : order) {
            reports.add(backend.close(deadline));
        }
        return reports;
    }
}
