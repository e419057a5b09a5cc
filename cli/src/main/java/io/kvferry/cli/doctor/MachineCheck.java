package io.kvferry.cli.doctor;

import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.TransferBackendProvider;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;

/** Looks at this machine: backends, the port of peer control, memory that may be locked. */
public final class MachineCheck {
    private static final Path LIMITS = Path.of("/proc/self/limits");
    private static final String LOCKED = "Max locked memory";
    private static final List<String> LOCKING = List.of("rdma", "nccl", "mooncake");

    private MachineCheck() {}

    /**
     * Looks at every backend that is chosen.
     *
     * @param chosen their names
     * @param config values for their keys
     * @return a finding for each
     */
    public static List<Finding> backends(List<String> chosen, BackendConfig config) {
        List<Finding> findings = new ArrayList<>();
        for (String name : chosen) {
            findings.add(ServiceLoader.load(TransferBackendProvider.class).stream()
                    .map(ServiceLoader.Provider::get)
                    .filter(provider -> provider.name().equals(name))
                    .findFirst()
                    .map(provider -> backend(provider, config))
                    .orElseGet(() -> Finding.bad(
                            "backend " + name,
                            "it is not on the class path",
                            "add the artifact io.kvferry:kvferry-backend-" + name + " or change kvferry.backend")));
        }
        return findings;
    }

    private static Finding backend(TransferBackendProvider provider, BackendConfig config) {
        String check = "backend " + provider.name();
        return switch (provider.probe(config)) {
            case Availability.Available _ -> Finding.good(check, "it can run here");
            case Availability.Unavailable no -> Finding.bad(check, no.reason(), no.fix());
        };
    }

    /**
     * Tries to listen where peer control will.
     *
     * @param host local address
     * @param port its port; 0 takes any
     * @return what came of it
     */
    public static Finding port(String host, int port) {
        String check = "port of peer control";
        if (port == 0) {
            return Finding.good(check, "any free one is taken");
        }
        try (ServerSocket _ = new ServerSocket(port, 1, InetAddress.getByName(host))) {
            return Finding.good(check, host + ":" + port + " is free");
        } catch (IOException e) {
            return Finding.bad(
                    check,
                    host + ":" + port + ": " + e.getMessage(),
                    "stop what listens there, if it is not this node, or change kvferry.peer.port or kvferry.bind-host");
        }
    }

    /**
     * Looks at how much memory may be locked, which registering memory with a network card does.
     *
     * @param chosen names of the chosen backends
     * @return what the kernel says
     * @throws IOException if the kernel does not say
     */
    public static List<Finding> lockedMemory(List<String> chosen) throws IOException {
        if (!Files.isReadable(LIMITS)) {
            return List.of();
        }
        String limit = Files.readAllLines(LIMITS).stream()
                .filter(line -> line.startsWith(LOCKED))
                .map(line -> line.substring(LOCKED.length()).strip().split("\\s+", 2)[0])
                .findFirst()
                .orElse("unlimited");
        return List.of(lockedMemory(chosen, limit));
    }

    static Finding lockedMemory(List<String> chosen, String limit) {
        String check = "memory that may be locked";
        List<String> locking = chosen.stream().filter(LOCKING::contains).toList();
        if (limit.equals("unlimited") || locking.isEmpty()) {
            return Finding.good(
                    check, limit + (locking.isEmpty() ? "; " + String.join(", ", chosen) + " locks none" : ""));
        }
        return Finding.bad(
                check,
                limit + " bytes, which " + String.join(", ", locking) + " would use up at the first pool",
                "ulimit -l unlimited, LimitMEMLOCK=infinity in a systemd unit, or --ulimit memlock=-1 for a container");
    }
}
