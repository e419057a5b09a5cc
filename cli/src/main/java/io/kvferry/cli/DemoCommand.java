package io.kvferry.cli;

import io.kvferry.cli.file.FileFetch;
import io.kvferry.cli.file.FileReport;
import io.kvferry.cli.file.VerificationException;
import io.kvferry.engine.BackendStatus;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.Deadline;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "demo",
        description = {
            "Moves a file between two processes on this machine and compares every byte.",
            "The file is made of what the Java runtime is made of; it is deleted afterwards."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExample:%n",
        footer = "  kvferry demo --backend tcp")
final class DemoCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private EngineOptions engineOptions;

    @Option(
            names = "--size",
            defaultValue = "256MiB",
            paramLabel = "SIZE",
            converter = Converters.Size.class,
            description = "Size of the file. Default: ${DEFAULT-VALUE}.")
    private long size;

    @Option(
            names = "--timeout",
            defaultValue = "2m",
            paramLabel = "DURATION",
            converter = Converters.Time.class,
            description = "For the whole demo. Default: ${DEFAULT-VALUE}.")
    private Duration timeout;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    DemoCommand() {}

    @Override
    public Integer call() throws IOException {
        Path folder = Files.createTempDirectory("kvferry-demo");
        Thread cleanUp = new Thread(() -> delete(folder), "kvferry-demo-clean-up");
        Runtime.getRuntime().addShutdownHook(cleanUp);
        try {
            run(folder);
        } finally {
            delete(folder);
            forget(cleanUp);
        }
        return ExitCode.OK;
    }

    private static void forget(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // the process is stopping already
        }
    }

    private void run(Path folder) throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        Path offered = folder.resolve("offered.bin");
        Path fetched = folder.resolve("fetched.bin");
        DemoFile.write(offered, size);
        List<String> arguments = new ArrayList<>(List.of("--offer", offered.toString()));
        arguments.addAll(engineOptions.arguments());
        ProgressLine progress = ProgressLine.of(spec.commandLine().getErr(), "demo");
        try (ServerProcess server = ServerProcess.start(arguments);
                TransferEngine engine = TransferEngine.open(engineOptions.config())) {
            out.println("process " + server.pid() + " offers a file of " + Quantity.bytes(size) + " at "
                    + server.address());
            out.println("process " + ProcessHandle.current().pid() + " fetches it");
            out.flush();
            FileReport report = new FileFetch(engine, server.address(), "offered.bin", fetched, false, 0, progress)
                    .run(Deadline.after(timeout));
            progress.end();
            compare(offered, fetched);
            out.println();
            out.print(table(report, engine.backends().getFirst()).text(false));
            out.flush();
        } finally {
            progress.end();
        }
    }

    /** The sums agree already; that the files do needs no trust in this program's own sums. */
    private static void compare(Path offered, Path fetched) throws IOException {
        long differs = Files.mismatch(offered, fetched);
        if (differs >= 0) {
            throw new VerificationException("the two files differ at byte " + differs);
        }
    }

    private static Table table(FileReport report, BackendStatus backend) {
        Table table = new Table("WHAT", "VALUE");
        table.add("backend", backend.name());
        table.add("moved", Quantity.bytes(report.movedBytes()));
        table.add("time", Quantity.seconds(report.nanos()) + ", with reading, hashing on both sides and writing");
        table.add("speed", Quantity.perSecond(report.bytesPerSecond()));
        table.add("SHA-256", report.sha256());
        table.add("files", "equal, byte by byte");
        return table;
    }

    private static void delete(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException | UncheckedIOException e) {
            // gone already, or in the way of nobody: it is a folder for temporary files
        }
    }
}
