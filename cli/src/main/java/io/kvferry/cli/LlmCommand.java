package io.kvferry.cli;

import io.kvferry.engine.KvFerryConfig;
import io.kvferry.example.llm.LlmServer;
import io.kvferry.example.llm.LlmServerConfig;
import io.kvferry.example.llm.kv.NodePrefixStore;
import io.kvferry.node.NodeConfigKeys;
import io.kvferry.spi.PeerAddress;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
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
        footer = "  kvferry llm --listen 127.0.0.1:8010 --controller 127.0.0.1:7500")
final class LlmCommand implements Callable<Integer> {
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
            names = "--controller",
            paramLabel = "HOST:PORT",
            converter = Converters.Address.class,
            description = "A controller of the cluster; may be repeated. Without any, the server reuses only its own KV cache.")
    private List<PeerAddress> controllers = new ArrayList<>();

    @Option(
            names = "--pool-size",
            defaultValue = "512MiB",
            paramLabel = "SIZE",
            converter = Converters.Size.class,
            description = "Memory for KV cache; 256 tokens take 2 MiB. Default: ${DEFAULT-VALUE}.")
    private long poolSize;

    @Option(
            names = "--until-stdin-ends",
            description = "Stop when standard input ends, so that a program that started this takes it along.")
    private boolean untilStdinEnds;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    LlmCommand() {}

    @Override
    public Integer call() throws IOException {
        LlmServerConfig config = LlmServerConfig.usual(new InetSocketAddress(listen.host(), listen.port()));
        KvFerryConfig.Builder node = engineOptions.builder().set(NodeConfigKeys.POOL_SIZE, poolSize);
        if (!controllers.isEmpty()) {
            List<String> addresses =
                    controllers.stream().map(PeerAddress::toString).toList();
            node.set(NodeConfigKeys.CONTROLLERS, addresses);
        }
        try (StopSignal stop = new StopSignal(untilStdinEnds);
                NodePrefixStore store =
                        NodePrefixStore.open(node, config.shape(), config.modelName() + "-" + config.seed());
                LlmServer server = LlmServer.open(config, store)) {
            PrintWriter out = spec.commandLine().getOut();
            out.println("ready " + listen.host() + ":" + server.address().getPort());
            out.flush();
            return stop.await() ? ExitCode.OK : ExitCode.INTERRUPTED;
        }
    }
}
