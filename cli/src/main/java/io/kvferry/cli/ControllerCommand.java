package io.kvferry.cli;

import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.ControllerConfigKeys;
import io.kvferry.control.cluster.FileStoreProvider;
import io.kvferry.control.http.ControllerHttp;
import io.kvferry.control.http.HttpConfigKeys;
import io.kvferry.control.lmcache.LmCacheConfigKeys;
import io.kvferry.control.lmcache.LmCacheFront;
import io.kvferry.control.lmcache.TokenHash;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.node.CpythonKeys;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.PeerAddress;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Command(
        name = "controller",
        description = {
            "Runs the controller of a cluster: which nodes are alive, who holds which chunk, and orders to nodes.",
            "Prints 'ready HOST:PORT' and runs until it is stopped."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExample:%n",
        footer = {
            "  kvferry controller --listen 10.0.0.5:7500 --http 7480 --store file --store-file cluster.db",
            "  kvferry controller --lmcache pull=8300,reply=8400,heartbeat=8082 --http 9000"
        })
final class ControllerCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private EngineOptions engineOptions;

    @Option(
            names = "--listen",
            paramLabel = "HOST:PORT",
            converter = Converters.Address.class,
            description = "Local address to listen on for nodes; port 0 takes a free one. Default: 127.0.0.1:7500.")
    private @Nullable PeerAddress listen;

    @Option(
            names = "--store",
            paramLabel = "NAME",
            description = "Where members, orders and pins are kept: memory, file, etcd. Default: memory.")
    private @Nullable String store;

    @Option(
            names = "--store-file",
            paramLabel = "FILE",
            description = "File of the store 'file'. Default: kvferry-controller.db.")
    private @Nullable String storeFile;

    @Option(
            names = "--http",
            paramLabel = "[HOST:]PORT",
            description = "Also serve JSON, metrics and the dashboard there; port 0 takes a free one. Default: not.")
    private @Nullable String http;

    @Option(
            names = "--lmcache",
            paramLabel = "pull=PORT,reply=PORT[,heartbeat=PORT]",
            converter = LmCachePorts.Converter.class,
            description = {
                "Also serve LMCache's workers on these ports, in place of lmcache_controller, whose HTTP paths are then at"
                        + " --http. The host is kvferry.lmcache.bind-host. Default: not."
            })
    private @Nullable LmCachePorts lmcache;

    @Option(
            names = "--until-stdin-ends",
            description = "Stop when standard input ends, so that a program that started this takes it along.")
    private boolean untilStdinEnds;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    ControllerCommand() {}

    @Override
    public Integer call() {
        KvFerryConfig.Builder config = engineOptions.builder();
        PeerAddress address = listen;
        if (address != null) {
            set(config, ControllerConfigKeys.BIND_HOST, address.host(), "--listen");
            set(config, ControllerConfigKeys.PORT, String.valueOf(address.port()), "--listen");
        }
        set(config, ControllerConfigKeys.STORE, store, "--store");
        set(config, FileStoreProvider.PATH, storeFile, "--store-file");
        set(config, HttpConfigKeys.LISTEN, httpAddress(), "--http");
        LmCachePorts ports = lmcache;
        if (ports != null) {
            ports.set(config);
            refuseClash(ports);
        }
        BackendConfig values = config.build().values();
        try (StopSignal stop = new StopSignal(untilStdinEnds);
                Controller controller = Controller.open(values);
                LmCacheFront workers = ports == null ? null : LmCacheFront.open(controller, values, tokenHash(values));
                ControllerHttp front = http == null ? null : open(controller, values, workers)) {
            PrintWriter out = spec.commandLine().getOut();
            out.println("ready " + controller.address());
            if (workers != null) {
                out.println("lmcache pull " + workers.pullAddress() + " reply " + workers.replyAddress()
                        + workers.heartbeatAddress().map(a -> " heartbeat " + a).orElse(""));
            }
            if (front != null) {
                out.println("http http://" + front.address() + "/");
            }
            out.flush();
            return stop.await() ? ExitCode.OK : ExitCode.INTERRUPTED;
        }
    }

    private static ControllerHttp open(Controller controller, BackendConfig values, @Nullable LmCacheFront workers) {
        return ControllerHttp.open(controller, values, workers == null ? List.of() : List.of(workers.http()));
    }

    /** Chunk keys of tokens, if it is known how the workers make them. */
    private static @Nullable TokenHash tokenHash(BackendConfig values) {
        String seed = values.get(LmCacheConfigKeys.HASH_SEED);
        return seed.isEmpty() ? null : CpythonKeys.of(seed, values.get(LmCacheConfigKeys.CHUNK_SIZE))::keys;
    }

    private void refuseClash(LmCachePorts ports) {
        Map<String, Integer> others = new LinkedHashMap<>();
        PeerAddress address = listen;
        others.put("--listen", address == null ? ControllerConfigKeys.PORT.defaultValue() : address.port());
        String given = http;
        if (given != null && given.matches("(.*:)?\\d{1,5}")) {
            others.put("--http", Integer.parseInt(given.substring(given.lastIndexOf(':') + 1)));
        }
        String clash = ports.clash(others);
        if (clash != null) {
            throw new ParameterException(spec.commandLine(), clash + "; give each its own");
        }
    }

    /** A port alone is one of this machine, for this machine. */
    private @Nullable String httpAddress() {
        String given = http;
        return given == null || given.contains(":") ? given : "127.0.0.1:" + given;
    }

    private static void set(KvFerryConfig.Builder config, ConfigKey<?> key, @Nullable String value, String option) {
        if (value != null) {
            config.set(key.name(), value, option);
        }
    }
}
