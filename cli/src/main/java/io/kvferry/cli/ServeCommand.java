package io.kvferry.cli;

import io.kvferry.cli.bench.BenchTarget;
import io.kvferry.cli.file.AcceptedFolder;
import io.kvferry.cli.file.FileServer;
import io.kvferry.cli.file.OfferedFiles;
import io.kvferry.engine.EngineBean;
import io.kvferry.engine.EngineConfigKeys;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.engine.StallWatch;
import io.kvferry.engine.TransferEngine;
import io.kvferry.node.NodeConfigKeys;
import io.kvferry.node.NodeHttp;
import io.kvferry.spi.PeerAddress;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Command(
        name = "serve",
        description = {
            "Offers files to 'kvferry fetch', takes files from 'kvferry send', and is the far side of 'kvferry bench'.",
            "Prints 'ready HOST:PORT' and runs until it is stopped."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExample:%n",
        footer = "  kvferry serve --offer models --accept inbox --listen 10.0.0.7:7400")
final class ServeCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private EngineOptions engineOptions;

    @Option(
            names = "--offer",
            arity = "1..*",
            paramLabel = "PATH",
            description = "Files, and folders with all in them.")
    private List<Path> offer = new ArrayList<>();

    @Option(names = "--accept", paramLabel = "DIR", description = "Take files into this folder.")
    private @Nullable Path accept;

    @Option(names = "--overwrite", description = "Let a file that is sent replace one of its name.")
    private boolean overwrite;

    @Option(
            names = "--max-file-size",
            defaultValue = "1TiB",
            paramLabel = "SIZE",
            converter = Converters.Size.class,
            description = "Largest file to take. Default: ${DEFAULT-VALUE}.")
    private long maxFileSize;

    @Option(names = "--bench", description = "Lend memory to 'kvferry bench --to'.")
    private boolean bench;

    @Option(
            names = "--bench-memory",
            defaultValue = "1GiB",
            paramLabel = "SIZE",
            converter = Converters.Size.class,
            description = "Most memory to lend, all clients together. Default: ${DEFAULT-VALUE}.")
    private long benchMemory;

    @Option(
            names = "--listen",
            defaultValue = "127.0.0.1:7400",
            paramLabel = "HOST:PORT",
            converter = Converters.Address.class,
            description = "Local address to listen on; port 0 takes a free one. Default: ${DEFAULT-VALUE}.")
    private PeerAddress listen;

    @Option(
            names = "--http",
            paramLabel = "HOST:PORT",
            converter = Converters.Address.class,
            description =
                    "Also answer /inspect, /inspect.json and /healthz there; port 0 takes a free one. Default: not.")
    private @Nullable PeerAddress http;

    @Option(
            names = "--until-stdin-ends",
            description = "Stop when standard input ends, so that a program that started this takes it along.")
    private boolean untilStdinEnds;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    ServeCommand() {}

    @Override
    public Integer call() throws IOException {
        if (offer.isEmpty() && accept == null && !bench) {
            throw new ParameterException(spec.commandLine(), "nothing to serve: give --offer, --accept or --bench");
        }
        OfferedFiles files = OfferedFiles.of(offer);
        Path folder = accept;
        AcceptedFolder accepted = folder == null ? null : AcceptedFolder.of(folder, overwrite, maxFileSize);
        KvFerryConfig config = engineOptions
                .builder()
                .set("kvferry.bind-host", listen.host(), "--listen")
                .set("kvferry.peer.port", String.valueOf(listen.port()), "--listen")
                .build();
        checkAdvertised(config);
        try (StopSignal stop = new StopSignal(untilStdinEnds);
                TransferEngine engine = TransferEngine.open(config);
                FileServer _ = FileServer.start(engine, files, accepted, FileServer.Limits.DEFAULT);
                BenchTarget _ = bench ? BenchTarget.start(engine, benchMemory) : null;
                EngineBean _ = EngineBean.register(engine);
                StallWatch _ = StallWatch.start(engine, config.values().get(NodeConfigKeys.STALL_WARNING));
                NodeHttp answers = http == null ? null : NodeHttp.start(engine, http)) {
            InspectSignal.log(() -> engine.status().lines());
            PrintWriter out = spec.commandLine().getOut();
            out.println("ready " + engine.address());
            if (answers != null) {
                out.println("http " + answers.address());
            }
            if (!files.names().isEmpty()) {
                out.println("offers " + String.join(", ", files.names()));
            }
            if (folder != null) {
                out.println("accepts files into " + folder.toRealPath());
            }
            out.flush();
            return stop.await() ? ExitCode.OK : ExitCode.INTERRUPTED;
        }
    }

    /** A wildcard is no address that a peer could dial. */
    private void checkAdvertised(KvFerryConfig config) {
        boolean wildcard = listen.host().equals("0.0.0.0") || listen.host().equals("::");
        if (wildcard && config.values().get(EngineConfigKeys.ADVERTISED_HOST).isEmpty()) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--listen " + listen + " takes every local address; say which one peers dial, with --set"
                            + " kvferry.advertised-host=ADDRESS");
        }
    }
}
