package io.kvferry.cli;

import io.kvferry.engine.KvFerryConfig;
import io.kvferry.node.KvNode;
import io.kvferry.node.NodeHttp;
import io.kvferry.spi.PeerAddress;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "node",
        description = {
            "Runs a KV node: keeps chunks of KV cache, lends them to other nodes, and takes the controller's orders.",
            "Prints 'ready HOST:PORT' and 'http HOST:PORT' and runs until it is stopped. The layout of the cache, the model"
                    + " and the key scheme are configuration keys; see 'kvferry config list'."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExample:%n",
        footer = "  kvferry node --controllers 10.0.0.5:7500 --pool 8GiB --listen 10.0.0.7:7401 --http 127.0.0.1:7402")
final class NodeCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private EngineOptions engineOptions;

    @Option(
            names = "--controllers",
            paramLabel = "HOST:PORT[,HOST:PORT]",
            description = "All controllers of the cluster; short for --set kvferry.cluster.controllers=LIST.")
    private @Nullable String controllers;

    @Option(
            names = "--pool",
            paramLabel = "SIZE",
            description = "Memory for chunks; short for --set kvferry.kv.pool-size=SIZE.")
    private @Nullable String pool;

    @Option(
            names = "--listen",
            defaultValue = "127.0.0.1:0",
            paramLabel = "HOST:PORT",
            converter = Converters.Address.class,
            description = "Local address for other nodes; port 0 takes a free one. Default: ${DEFAULT-VALUE}.")
    private PeerAddress listen;

    @Option(
            names = "--http",
            defaultValue = "127.0.0.1:0",
            paramLabel = "HOST:PORT",
            converter = Converters.Address.class,
            description =
                    "Local address for /metrics, /inspect, /inspect.json and /healthz. Default: ${DEFAULT-VALUE}.")
    private PeerAddress http;

    @Option(
            names = "--until-stdin-ends",
            description = "Stop when standard input ends, so that a program that started this takes it along.")
    private boolean untilStdinEnds;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    NodeCommand() {}

    @Override
    public Integer call() {
        KvFerryConfig.Builder config = engineOptions
                .builder()
                .set("kvferry.bind-host", listen.host(), "--listen")
                .set("kvferry.peer.port", String.valueOf(listen.port()), "--listen");
        set(config, "kvferry.cluster.controllers", controllers, "--controllers");
        set(config, "kvferry.kv.pool-size", pool, "--pool");
        try (StopSignal stop = new StopSignal(untilStdinEnds);
                KvNode node = KvNode.builder().config(config).open();
                NodeHttp answers = NodeHttp.start(node, http)) {
            InspectSignal.log(node::inspect);
            ClusterEntry.await(
                    node, "node", controllers, engineOptions, spec.commandLine().getErr());
            PrintWriter out = spec.commandLine().getOut();
            out.println("ready " + node.address());
            out.println("http " + answers.address());
            out.flush();
            return stop.await() ? ExitCode.OK : ExitCode.INTERRUPTED;
        }
    }

    private static void set(KvFerryConfig.Builder config, String key, @Nullable String value, String option) {
        if (value != null) {
            config.set(key, value, option);
        }
    }
}
