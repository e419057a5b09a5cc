package io.kvferry.benchmarks;

import com.sun.management.OperatingSystemMXBean;
import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.ControllerConfigKeys;
import io.kvferry.control.cluster.NodeState;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Ticker;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * What the controller of a cluster can do: look-ups, changes, memory, leases.
 *
 * <p><b>Threads:</b> Confined to the thread that runs it.
 */
@Command(
        name = "cluster-bench",
        description = "Measures the controller of a cluster; one line for each row.",
        mixinStandardHelpOptions = true)
public final class ClusterBench implements Callable<Integer> {
    private static final int CHUNKS = 1_000_000;
    private static final int NODES = 100;
    private static final int FAILOVER_CHAINS = 1000;
    private static final int POOL_CHUNKS = 640;

    /** What can be measured. */
    enum Row {
        /** Look-ups in process. */
        LOOKUP,
        /** Look-ups through gRPC. */
        LOOKUP_GRPC,
        /** Chunks admitted and evicted. */
        CHANGES,
        /** Memory of the index. */
        MEMORY,
        /** Nodes that keep their leases alive. */
        LEASES,
        /** One of two controllers over etcd killed under load. */
        FAILOVER,
        /** Pools of KV nodes above 2 GiB. */
        POOL
    }

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--rows",
            split = ",",
            defaultValue = "lookup,lookup_grpc,changes,memory,leases",
            description = "What to measure: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}; failover, which"
                    + " needs Debian's etcd-server, and pool, which needs 5 GiB, only when they are named.")
    private List<Row> rows;

    @Option(names = "--seconds", defaultValue = "5", description = "How long to measure. Default: ${DEFAULT-VALUE}.")
    private int seconds;

    @Option(
            names = "--scale",
            defaultValue = "100",
            description = "Percent of the sizes in docs/performance.md. Default: ${DEFAULT-VALUE}.")
    private int scale;

    @Option(names = "--simulate", hidden = true, description = "Be the nodes of the row leases, for that controller.")
    private @Nullable String simulate;

    @Option(
            names = "--control",
            hidden = true,
            arity = "2",
            description = "Be a controller of the row failover, over that etcd, on that port.")
    private @Nullable List<String> control;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    ClusterBench() {}

    /**
     * Measures and exits.
     *
     * @param args options
     */
    public static void main(String[] args) {
        System.exit(commandLine().execute(args));
    }

    static CommandLine commandLine() {
        return new CommandLine(new ClusterBench()).setCaseInsensitiveEnumValuesAllowed(true);
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        String controller = simulate;
        if (controller != null) {
            SimulatedNodes.run(PeerAddress.parse(controller), nodes());
            return 0;
        }
        List<String> place = control;
        if (place != null) {
            FailoverController.serve(place.get(0), Integer.parseInt(place.get(1)));
            return 0;
        }
        PrintWriter out = spec.commandLine().getOut();
        for (Row row : rows) {
            out.println(measure(row));
            out.flush();
        }
        return 0;
    }

    private String measure(Row row) throws IOException, InterruptedException {
        Duration time = Duration.ofSeconds(seconds);
        return switch (row) {
            case LOOKUP -> {
                try (Controller controller = open()) {
                    yield "lookup      "
                            + LookupLoad.fill(controller, CHUNKS / 100 * scale, NODES)
                                    .inProcess(2, time);
                }
            }
            case LOOKUP_GRPC -> {
                try (Controller controller = open()) {
                    yield "lookup-grpc "
                            + LookupLoad.fill(controller, CHUNKS / 100 * scale, NODES)
                                    .throughGrpc(16, time);
                }
            }
            case CHANGES -> {
                try (Controller controller = open()) {
                    yield "changes     " + ChangeLoad.changes(controller, 2, time);
                }
            }
            case MEMORY -> {
                try (Controller controller = open()) {
                    yield "memory      " + ChangeLoad.memory(controller, 10L * CHUNKS / 100 * scale);
                }
            }
            case LEASES -> leases(time);
            case POOL -> {
                try (Controller controller = open()) {
                    yield "pool        " + LargePool.run(controller, Math.max(1, POOL_CHUNKS * scale / 100));
                }
            }
            case FAILOVER -> "failover    " + Failover.run(Math.max(1, FAILOVER_CHAINS * scale / 100), time);
        };
    }

    private int nodes() {
        return NODES * scale;
    }

    /** Its nodes keep no lease alive: they must stay all the same. */
    private static Controller open() {
        return Controller.open(BackendConfig.DEFAULTS
                .with(ControllerConfigKeys.PORT, 0)
                .with(ControllerConfigKeys.LEASE, Duration.ofHours(24)));
    }

    /** The nodes live in a process of their own, so that their processor time is not counted. */
    private String leases(Duration time) throws IOException, InterruptedException {
        try (Controller controller = Controller.open(BackendConfig.DEFAULTS.with(ControllerConfigKeys.PORT, 0))) {
            Process simulator = new ProcessBuilder(
                            ProcessHandle.current().info().command().orElse("java"),
                            "-cp",
                            System.getProperty("java.class.path"),
                            ClusterBench.class.getName(),
                            "--scale",
                            String.valueOf(scale),
                            "--simulate",
                            controller.address().toString())
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            try {
                return keepLeases(controller, simulator, time);
            } finally {
                simulator.getOutputStream().close();
                simulator.waitFor();
            }
        }
    }

    private static long counter(Controller controller, String name) {
        return controller.view().counters().getOrDefault(name, 0L);
    }

    private String keepLeases(Controller controller, Process simulator, Duration time) throws IOException {
        if (simulator.inputReader().readLine() == null) {
            throw new IOException("the simulated nodes did not start");
        }
        long before =
                ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getProcessCpuTime();
        long start = Ticker.system().nanos();
        long told = counter(controller, "keep-alives");
        // at least two leases: who is lost would be gone by then
        Duration lease = controller.view().lease();
        Duration wait = time.compareTo(lease.multipliedBy(2)) > 0 ? time : lease.multipliedBy(2);
        SimulatedNodes.pause(wait);
        double nanos = Ticker.system().nanos() - start;
        double cpu =
                ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getProcessCpuTime() - before;
        long live = controller.nodes().stream()
                .filter(node -> node.state() == NodeState.LIVE)
                .count();
        return "%s of %s nodes live, %s gone, %s keepalives/s, %s cores (<= 1)"
                .formatted(
                        live,
                        nodes(),
                        counter(controller, "nodes-gone"),
                        Summary.digits((counter(controller, "keep-alives") - told) * 1e9 / nanos),
                        Summary.digits(cpu / nanos));
    }
}
