package io.kvferry.cli;

import io.kvferry.cli.doctor.ClusterCheck;
import io.kvferry.cli.doctor.Finding;
import io.kvferry.cli.doctor.LmcacheCheck;
import io.kvferry.cli.doctor.MachineCheck;
import io.kvferry.control.cluster.ClusterConfigKeys;
import io.kvferry.engine.EngineConfigKeys;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

@Command(
        name = "doctor",
        description = {
            "Checks a set-up: configuration, backends, port, locked memory, controllers, nodes and whether they agree.",
            "With --lmcache, checks configuration files of LMCache instead. Exit code 1 if something is wrong."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExample:%n",
        footer = "  kvferry doctor --set kvferry.cluster.controllers=10.0.0.5:7500")
final class DoctorCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private EngineOptions engineOptions;

    @Option(
            names = "--lmcache",
            paramLabel = "FILE",
            arity = "1..*",
            description = "Configuration files of LMCache, in YAML, that are meant to work together.")
    private List<Path> lmcache = new ArrayList<>();

    @Option(
            names = "--ranks",
            defaultValue = "1",
            paramLabel = "N",
            description = "Tensor-parallel workers of each LMCache instance. Default: ${DEFAULT-VALUE}.")
    private int ranks;

    @Option(
            names = "--timeout",
            defaultValue = "5s",
            paramLabel = "DURATION",
            converter = Converters.Time.class,
            description = "How long to wait for each controller. Default: ${DEFAULT-VALUE}.")
    private Duration timeout;

    @Option(names = "--json", description = "Print the findings as JSON.")
    private boolean json;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    DoctorCommand() {}

    @Override
    public Integer call() throws IOException {
        if (ranks < 1) {
            throw new ParameterException(spec.commandLine(), "--ranks " + ranks + " is not at least 1");
        }
        List<Finding> findings = lmcache.isEmpty() ? ours() : LmcacheCheck.run(lmcache, ranks);
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(JsonMapper.shared().writeValueAsString(findings));
        } else {
            findings.forEach(finding -> print(out, finding));
        }
        out.flush();
        return findings.stream().allMatch(Finding::ok) ? ExitCode.OK : ExitCode.FAILED;
    }

    private List<Finding> ours() throws IOException {
        KvFerryConfig config;
        try {
            config = engineOptions.config();
        } catch (TransferException e) {
            return List.of(Finding.bad("configuration", e.error().detail(), "correct the lines that it names"));
        }
        BackendConfig values = config.values();
        List<String> backends = values.get(EngineConfigKeys.BACKEND);
        List<Finding> findings = new ArrayList<>();
        findings.add(Finding.good("configuration", "every key and value is known"));
        findings.addAll(MachineCheck.backends(backends, values));
        findings.addAll(MachineCheck.lockedMemory(backends));
        findings.add(MachineCheck.port(values.get(EngineConfigKeys.BIND_HOST), peerPort(config)));
        findings.addAll(ClusterCheck.run(values.get(ClusterConfigKeys.CONTROLLERS), values, timeout));
        return findings;
    }

    private static int peerPort(KvFerryConfig config) {
        return config.entries().stream()
                .filter(entry -> entry.name().equals("kvferry.peer.port"))
                .map(entry -> Integer.parseInt(entry.value()))
                .findFirst()
                .orElse(0);
    }

    private static void print(PrintWriter out, Finding finding) {
        out.println((finding.ok() ? "✓ " : "✗ ") + finding.check() + ": " + finding.detail());
        if (!finding.remedy().isEmpty()) {
            out.println("    " + finding.remedy());
        }
    }
}
