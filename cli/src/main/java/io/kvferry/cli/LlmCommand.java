package io.kvferry.cli;

import io.kvferry.engine.KvFerryConfig;
import io.kvferry.example.llm.LlmServer;
import io.kvferry.example.llm.LlmServerConfig;
import io.kvferry.example.llm.kv.NodePrefixStore;
import io.kvferry.node.NodeConfigKeys;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "llm",
        description = {
            "Serves a small example language model whose KV cache is kept by a KV node, so that other nodes can reuse it.",
            "Speaks OpenAI completions at /v1/completions and Prometheus at /metrics. Its answers mean nothing."
                    + " Prints 'ready HOST:PORT' and runs until it is stopped."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExample:%n",
        footer = "  kvferry llm --listen 127.0.0.1:8010 --controllers 127.0.0.1:7500")
final class LlmCommand implements Callable<Integer> {
    private static final String USUAL_POOL = "512MiB";

    @Spec
    private CommandSpec spec;

    @Mixin
    private EngineOptions engineOptions;

    @Option(
            names = "--listen",
            defaultValue = "127.0.0.1:8010",
            paramLabel = "HOST:PORT",
            converter = Converters.Address.class,
            description = "Local address for HTTP; port 0 takes a free one. Default: ${DEFAULT-VALUE}.")
    private PeerAddress listen;

    @Option(
            names = "--controllers",
            paramLabel = "HOST:PORT[,HOST:PORT]",
            description =
                    "All controllers of the cluster; short for --set kvferry.cluster.controllers=LIST. Without any, the"
                            + " server reuses only its own KV cache.")
    private @Nullable String controllers;

    @Option(
            names = "--pool",
            paramLabel = "SIZE",
            description =
                    "Memory for KV cache, of which 256 tokens take 2 MiB; short for --set kvferry.kv.pool-size=SIZE."
                            + " Default: 512MiB.")
    private @Nullable String pool;

    @Option(
            names = "--until-stdin-ends",
            description = "Stop when standard input ends, so that a program that started this takes it along.")
    private boolean untilStdinEnds;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    LlmCommand() {}

    /** The model decides what its cache looks like; who sets it otherwise shall not believe that it counts. */
    private void checkModel() {
        Set<String> decided =
                NodePrefixStore.modelKeys().stream().map(ConfigKey::name).collect(Collectors.toSet());
        engineOptions.given(decided).stream().findFirst().ifPresent(entry -> {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.OPEN,
                    entry.name() + " = " + entry.value() + " (" + entry.source()
                            + "): the example's model decides it; leave it out");
        });
    }

    @Override
    public Integer call() throws IOException {
        LlmServerConfig config = LlmServerConfig.usual(new InetSocketAddress(listen.host(), listen.port()));
        checkModel();
        KvFerryConfig.Builder node = engineOptions.builder();
        if (pool != null
                || engineOptions.given(Set.of(NodeConfigKeys.POOL_SIZE.name())).isEmpty()) {
            node.set(NodeConfigKeys.POOL_SIZE.name(), pool == null ? USUAL_POOL : pool, "--pool");
        }
        if (controllers != null) {
            node.set("kvferry.cluster.controllers", controllers, "--controllers");
        }
        try (StopSignal stop = new StopSignal(untilStdinEnds);
                NodePrefixStore store =
                        NodePrefixStore.open(node, config.shape(), config.modelName() + "-" + config.seed());
                LlmServer server = LlmServer.open(config, store)) {
            ClusterEntry.await(
                    store.node(),
                    "llm",
                    controllers,
                    engineOptions,
                    spec.commandLine().getErr());
            PrintWriter out = spec.commandLine().getOut();
            out.println("ready " + listen.host() + ":" + server.address().getPort());
            out.flush();
            return stop.await() ? ExitCode.OK : ExitCode.INTERRUPTED;
        }
    }
}
