package io.kvferry.cli;

import io.kvferry.control.cluster.ClusterConfigKeys;
import io.kvferry.control.cluster.Controller;
import io.kvferry.control.http.HttpConfigKeys;
import io.kvferry.engine.ConfigEntry;
import io.kvferry.engine.EngineConfigKeys;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.node.NodeConfigKeys;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of every command that reads the configuration. */
final class EngineOptions {
    private static final String IN_PROCESS = "inprocess";

    @Option(
            names = "--config",
            paramLabel = "FILE",
            description = "Configuration file. Default: kvferry.properties in the working directory, if there is one.")
    private @Nullable Path file;

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = "Set a configuration key; wins over the environment and the file. May be repeated.")
    private Map<String, String> settings = new LinkedHashMap<>();

    @Option(
            names = "--backend",
            paramLabel = "NAME[,NAME]",
            description = "Backends to open, in order of preference; short for --set kvferry.backend=NAME.")
    private @Nullable String backend;

    EngineOptions() {}

    /** What the user set, from all sources. */
    KvFerryConfig config() {
        return builder().build();
    }

    /** The same, for commands that set keys of their own. */
    KvFerryConfig.Builder builder() {
        KvFerryConfig.Builder config =
                KvFerryConfig.builder().keys(clusterKeys()).environment(System.getenv());
        Path chosen = file;
        Path usual = Path.of(KvFerryConfig.FILE_NAME);
        if (chosen != null) {
            config.file(chosen);
        } else if (Files.exists(usual)) {
            config.file(usual);
        }
        settings.forEach((key, value) -> config.set(key, value, "--set"));
        String name = backend;
        if (name != null) {
            config.set("kvferry.backend", name, "--backend");
        }
        return config;
    }

    /** What the user set of some keys; those left alone are not in it. */
    List<ConfigEntry> given(Set<String> keys) {
        return config().entries().stream()
                .filter(entry -> keys.contains(entry.name()) && !entry.source().equals(ConfigEntry.DEFAULT))
                .toList();
    }

    /** Refuses a backend that cannot reach the processes that a command is about to start. */
    void checkBetweenProcesses() {
        if (config().values().get(EngineConfigKeys.BACKEND).equals(List.of(IN_PROCESS))) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.OPEN,
                    "kvferry.backend = " + IN_PROCESS
                            + " moves bytes between engines of one process only, and this starts"
                            + " processes of their own: take another one, e.g. --backend tcp");
        }
    }

    /** Keys of the cluster: known to every command, so that one file serves a whole machine. */
    static Set<ConfigKey<?>> clusterKeys() {
        Set<ConfigKey<?>> keys = new LinkedHashSet<>(Controller.configKeys());
        keys.addAll(HttpConfigKeys.all());
        keys.addAll(ClusterConfigKeys.all());
        keys.addAll(NodeConfigKeys.all());
        return keys;
    }

    /** The same options for another process on this machine. */
    List<String> arguments() {
        List<String> arguments = new ArrayList<>();
        Path chosen = file;
        if (chosen != null) {
            arguments.addAll(List.of("--config", chosen.toAbsolutePath().toString()));
        }
        settings.forEach((key, value) -> arguments.addAll(List.of("--set", key + "=" + value)));
        String name = backend;
        if (name != null) {
            arguments.addAll(List.of("--backend", name));
        }
        return arguments;
    }
}
