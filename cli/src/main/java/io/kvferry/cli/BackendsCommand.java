package io.kvferry.cli;

import io.kvferry.engine.KvFerryConfig;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendInfo;
import io.kvferry.spi.Capability;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.ServiceLoader;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

@Command(
        name = "backends",
        description = "Lists the backends there are, what each can do, and why one cannot run on this machine.",
        mixinStandardHelpOptions = true,
        footerHeading = "%nExample:%n",
        footer = "  kvferry backends")
final class BackendsCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private EngineOptions engineOptions;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    BackendsCommand() {}

    @Override
    public Integer call() {
        Table table = new Table("NAME", "AVAILABLE", "ISOLATION", "ABORT SCOPE", "WIRE", "CAPABILITIES");
        List<String> notes = new ArrayList<>();
        for (TransferBackendProvider provider : providers()) {
            Availability availability = provider.probe(engineOptions.config().values());
            BackendInfo info = availability instanceof Availability.Available ? open(provider.name(), notes) : null;
            if (availability instanceof Availability.Unavailable no) {
                notes.add(provider.name() + ": " + no.reason() + ". Remedy: " + no.fix());
            }
            add(table, provider.name(), info);
            if (info != null) {
                notes.add(provider.name() + ": " + info.description());
            }
        }
        PrintWriter out = spec.commandLine().getOut();
        out.print(table.text(false));
        out.println();
        notes.forEach(out::println);
        out.flush();
        return ExitCode.OK;
    }

    private static List<TransferBackendProvider> providers() {
        return StreamSupport.stream(
                        ServiceLoader.load(TransferBackendProvider.class).spliterator(), false)
                .sorted(Comparator.comparing(TransferBackendProvider::name))
                .toList();
    }

    /** What a backend can do is known once it is open. */
    private @Nullable BackendInfo open(String name, List<String> notes) {
        try {
            return info(engineOptions.builder(), name);
        } catch (TransferException e) {
            notes.add(name + ": " + e.error().detail());
            return null;
        }
    }

    /** Opens a backend alone, asks it, and closes it. */
    static @Nullable BackendInfo info(KvFerryConfig.Builder config, String name) {
        try (TransferEngine engine = TransferEngine.open(config.set("kvferry.backend", name)
                .set("kvferry.peer.port", "0")
                .build())) {
            return engine.backends().getFirst().info();
        }
    }

    private static void add(Table table, String name, @Nullable BackendInfo info) {
        if (info == null) {
            table.add(name, "no", "", "", "", "");
            return;
        }
        String capabilities = info.capabilities().stream()
                .sorted(Comparator.comparing(Capability::name))
                .map(BackendsCommand::word)
                .collect(Collectors.joining(" "));
        table.add(
                name,
                "yes",
                word(info.isolation()),
                word(info.abortScope()),
                String.valueOf(info.wireId()),
                capabilities);
    }

    private static String word(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
