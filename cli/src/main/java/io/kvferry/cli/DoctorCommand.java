package io.kvferry.cli;

import io.kvferry.cli.doctor.ClusterCheck;
import io.kvferry.cli.doctor.Finding;
import io.kvferry.cli.doctor.LmcacheCheck;
import io.kvferry.cli.doctor.LmcacheContact;
import io.kvferry.cli.doctor.MachineCheck;
import io.kvferry.cli.doctor.VllmCheck;
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
            "With --lmcache, checks configuration files of LMCache instead, and asks the controllers that they name; with"
                    + " --vllm, how instances of vLLM hand KV cache over by NCCL. Exit code 1 if something is wrong."
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

    @Option(names = "--offline", description = "With --lmcache, look at the files alone and ask no controller.")
    private boolean offline;

    @Option(
            names = "--as-worker",
            description = "With --lmcache, also join each controller for a moment: the only proof that it takes in what"
                    + " workers push. For controllers of LMCache from 0.4 on and of KVFerry.")
    private boolean asWorker;

    @Option(
            names = "--vllm",
            paramLabel = "FILE[@HOST]",
            arity = "1..*",
            description = "How instances of vLLM that work together by P2pNcclConnector are started: the command with"
                    + " 'vllm serve' and its environment, or the options in YAML or JSON.")
    private List<String> vllm = new ArrayList<>();

    @Option(
            names = "--vllm-log",
            paramLabel = "FILE",
            arity = "1..*",
            description = "Logs of these servers: whose versions must agree, and which failures have a known cause.")
    private List<Path> vllmLogs = new ArrayList<>();

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
        if (lmcache.isEmpty() && (offline || asWorker)) {
            throw new ParameterException(spec.commandLine(), "--offline and --as-worker belong to --lmcache");
        }
        if (offline && asWorker) {
            throw new ParameterException(spec.commandLine(), "--offline and --as-worker exclude each other");
        }
        List<Finding> findings = findings();
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(JsonMapper.shared().writeValueAsString(findings));
        } else {
            findings.forEach(finding -> print(out, finding));
        }
        out.flush();
        return findings.stream().allMatch(Finding::ok) ? ExitCode.OK : ExitCode.FAILED;
    }

    private List<Finding> findings() throws IOException {
        List<Finding> findings = new ArrayList<>();
        if (!lmcache.isEmpty()) {
            findings.addAll(LmcacheCheck.run(lmcache, ranks, offline ? null : new LmcacheContact(timeout, asWorker)));
        }
        if (!vllm.isEmpty() || !vllmLogs.isEmpty()) {
            findings.addAll(VllmCheck.run(vllm, vllmLogs));
        }
        return lmcache.isEmpty() && vllm.isEmpty() && vllmLogs.isEmpty() ? ours() : findings;
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
