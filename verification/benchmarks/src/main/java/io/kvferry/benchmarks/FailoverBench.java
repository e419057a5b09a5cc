package io.kvferry.benchmarks;

import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.ControllerConfigKeys;
import io.kvferry.control.etcd.EtcdConfigKeys;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Ticker;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
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
 * Kills controllers that share an etcd, one after the other, while nodes change what they hold and clients look up what they
 * keep; says which look-ups failed, and when, and whether a chunk was lost.
 *
 * <p><b>Threads:</b> Confined to the thread that runs it.
 */
@Command(
        name = "failover-bench",
        description = "Kills controllers that share an etcd under load; fails if look-ups fail later than 5 s after that.",
        mixinStandardHelpOptions = true)
public final class FailoverBench implements Callable<Integer> {
    private static final String READY = "ready";
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Duration ALLOWED = Duration.ofSeconds(5);

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--seconds",
            defaultValue = "15",
            description = "How long to look up before the first kill and after each. Default: ${DEFAULT-VALUE}.")
    private int seconds;

    @Option(names = "--nodes", defaultValue = "20", description = "How many nodes. Default: ${DEFAULT-VALUE}.")
    private int nodes;

    @Option(
            names = "--chains",
            defaultValue = "500",
            description = "Chains of 128 chunks, each held by one to three nodes. Default: ${DEFAULT-VALUE}.")
    private int chains;

    @Option(names = "--clients", defaultValue = "4", description = "Who looks up. Default: ${DEFAULT-VALUE}.")
    private int clients;

    @Option(names = "--controller", hidden = true, description = "Be a controller: PORT,ETCD")
    private @Nullable String controller;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    FailoverBench() {}

    /**
     * Measures and exits.
     *
     * @param args options
     */
    public static void main(String[] args) {
        System.exit(commandLine().execute(args));
    }

    static CommandLine commandLine() {
        return new CommandLine(new FailoverBench());
    }

    @Override
    public Integer call() throws IOException {
        String be = controller;
        if (be != null) {
            serve(be);
            return 0;
        }
        Path folder = Files.createTempDirectory("kvferry-failover");
        try (EtcdProgram etcd = EtcdProgram.start(folder, PATIENCE)) {
            return measure(folder, etcd.endpoint()) ? 0 : 1;
        } finally {
            EtcdProgram.delete(folder);
        }
    }

    /** The process of a controller; ends when whoever started it ends. */
    private static void serve(String portAndEtcd) throws IOException {
        String[] parts = portAndEtcd.split(",", 2);
        try (Controller serving = Controller.open(BackendConfig.DEFAULTS
                .with(ControllerConfigKeys.PORT, Integer.parseInt(parts[0]))
                .with(ControllerConfigKeys.STORE, "etcd")
                .with(EtcdConfigKeys.ENDPOINTS, List.of(parts[1])))) {
            System.out.println(READY + " " + serving.address());
            while (System.in.read() >= 0) {
                // nothing is said
            }
        }
    }

    private static Program startController(Path folder, PeerAddress address, String etcd) throws IOException {
        Program program = Program.start(
                folder,
                List.of(
                        ProcessHandle.current().info().command().orElse("java"),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        FailoverBench.class.getName(),
                        "--controller",
                        address.port() + "," + etcd));
        Deadline patience = Deadline.after(PATIENCE);
        while (!program.output().contains(READY)) {
            if (patience.isExpired() || program.endsWithin(Duration.ofMillis(20))) {
                String complaint = program.complaint();
                program.close();
                throw new IOException("the controller did not start" + complaint);
            }
        }
        return program;
    }

    private boolean measure(Path folder, String etcd) throws IOException {
        PeerAddress one = new PeerAddress("127.0.0.1", EtcdProgram.freePort());
        PeerAddress other = new PeerAddress("127.0.0.1", EtcdProgram.freePort());
        boolean good;
        try (Program first = startController(folder, one, etcd);
                Program second = startController(folder, other, etcd);
                FailoverNodes held = FailoverNodes.start(nodes, chains, List.of(one, other), PATIENCE);
                FailoverLookups lookups = FailoverLookups.start(held, clients, List.of(one, other))) {
            SimulatedNodes.pause(Duration.ofSeconds(seconds));
            good = kill(first, "first", lookups);
            long start = Ticker.system().nanos();
            try (Program firstAgain = startController(folder, one, etcd)) {
                good &= comesBack(held, one, "first", start);
                good &= kill(second, "second", lookups);
                start = Ticker.system().nanos();
                try (Program secondAgain = startController(folder, other, etcd)) {
                    good &= comesBack(held, other, "second", start);
                    say("both run: processes " + firstAgain.ids() + " and " + secondAgain.ids());
                }
            }
        }
        return good;
    }

    private boolean kill(Program program, String which, FailoverLookups lookups) throws IOException {
        FailoverLookups.Period before = lookups.next();
        long killed = Ticker.system().nanos();
        program.kill();
        SimulatedNodes.pause(Duration.ofSeconds(seconds));
        FailoverLookups.Period after = lookups.next();
        long late = after.failuresAfter(killed + ALLOWED.toNanos());
        say(("kill -9 of the %s controller: %s look-ups/s before, %s after; %s failed before; %s failed within 5 s (last %s"
                        + " ms after the kill); %s failed later (0)")
                .formatted(
                        which,
                        Summary.digits(before.perSecond()),
                        Summary.digits(after.perSecond()),
                        before.failures(),
                        after.failures() - late,
                        Summary.digits(after.lastFailureMillis(killed)),
                        late));
        after.examples().forEach(example -> say("  " + example));
        return late == 0;
    }

    private boolean comesBack(FailoverNodes held, PeerAddress address, String which, long start) {
        int missing = held.missingAt(address, PATIENCE);
        say("the %s controller again: complete %s ms after it was started, %s of %s chains missing (0)"
                .formatted(which, Summary.digits((Ticker.system().nanos() - start) / 1e6), missing, chains));
        return missing == 0;
    }

    private void say(String line) {
        PrintWriter out = spec.commandLine().getOut();
        out.println(line);
        out.flush();
    }
}
