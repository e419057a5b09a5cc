package io.kvferry.cli;

import io.kvferry.cli.file.FileFetch;
import io.kvferry.cli.file.FileReport;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "fetch",
        description = {
            "Fetches a file that 'kvferry serve --offer' offers.",
            "The file gets its name only once its SHA-256 is the one the server promised. After an interruption the same"
                    + " command continues where it was: FILE.part and FILE.part.state hold what has arrived."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExample:%n",
        footer = "  kvferry fetch models/a.bin --from 10.0.0.7:7400 --out a.bin")
final class FetchCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private EngineOptions engineOptions;

    @Parameters(
            paramLabel = "NAME",
            description = "The file's name at the server: FILE, or DIR/FILE below an offered DIR.")
    private String name;

    @Option(
            names = "--from",
            required = true,
            paramLabel = "HOST:PORT",
            converter = Converters.Address.class,
            description = "Where the server listens; it prints this when it is ready.")
    private PeerAddress from;

    @Option(
            names = "--out",
            paramLabel = "PATH",
            description = "File to write, or folder to write into. Default: the last part of NAME, here.")
    private @Nullable Path out;

    @Option(names = "--overwrite", description = "Replace a file that exists.")
    private boolean overwrite;

    @Option(
            names = "--retries",
            defaultValue = "5",
            paramLabel = "N",
            description =
                    "How often to go on after an error that may pass, without progress. Default: ${DEFAULT-VALUE}.")
    private int retries;

    @Option(
            names = "--timeout",
            defaultValue = "1h",
            paramLabel = "DURATION",
            converter = Converters.Time.class,
            description = "For the whole file. Default: ${DEFAULT-VALUE}.")
    private Duration timeout;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    FetchCommand() {}

    @Override
    public Integer call() throws IOException {
        PrintWriter stdout = spec.commandLine().getOut();
        ProgressLine progress = ProgressLine.of(spec.commandLine().getErr(), name);
        Path target = target();
        try (TransferEngine engine = TransferEngine.open(engineOptions.config())) {
            FileReport report = new FileFetch(engine, from, name, target, overwrite, retries, progress)
                    .run(Deadline.after(timeout));
            progress.end();
            stdout.println(FileLine.of("fetched", report) + " -> " + target);
        } finally {
            progress.end();
        }
        return ExitCode.OK;
    }

    private Path target() {
        Path last = Path.of(name.substring(name.lastIndexOf('/') + 1));
        Path chosen = out;
        if (chosen == null) {
            return last.toAbsolutePath();
        }
        return (Files.isDirectory(chosen) ? chosen.resolve(last) : chosen).toAbsolutePath();
    }
}
