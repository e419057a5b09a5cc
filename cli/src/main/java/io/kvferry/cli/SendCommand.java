package io.kvferry.cli;

import io.kvferry.cli.file.FileReport;
import io.kvferry.cli.file.FileSend;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "send",
        description = {
            "Sends files to a machine where 'kvferry serve --accept' runs.",
            "A file gets its name there only once both sides have the same SHA-256."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExample:%n",
        footer = "  kvferry send a.bin b.bin --to 10.0.0.7:7400")
final class SendCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private EngineOptions engineOptions;

    @Parameters(paramLabel = "FILE", arity = "1..*", description = "Files to send.")
    private List<Path> files;

    @Option(
            names = "--to",
            required = true,
            paramLabel = "HOST:PORT",
            converter = Converters.Address.class,
            description = "Where the server listens; it prints this when it is ready.")
    private PeerAddress to;

    @Option(
            names = "--as",
            paramLabel = "NAME",
            description = "Name of the file there, where only one is sent. Default: its own.")
    private @Nullable String as;

    @Option(
            names = "--retries",
            defaultValue = "5",
            paramLabel = "N",
            description = "How often to start a file over after an error that may pass. Default: ${DEFAULT-VALUE}.")
    private int retries;

    @Option(
            names = "--timeout",
            defaultValue = "1h",
            paramLabel = "DURATION",
            converter = Converters.Time.class,
            description = "For each file. Default: ${DEFAULT-VALUE}.")
    private Duration timeout;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    SendCommand() {}

    @Override
    public Integer call() throws IOException {
        if (as != null && files.size() > 1) {
            throw new ParameterException(spec.commandLine(), "--as names one file, but " + files.size() + " are given");
        }
        for (Path file : files) {
            if (!Files.isReadable(file) || !Files.isRegularFile(file)) {
                throw new NoSuchFileException(file.toString());
            }
        }
        try (TransferEngine engine = TransferEngine.open(engineOptions.config())) {
            for (Path file : files) {
                send(engine, file);
            }
        }
        return ExitCode.OK;
    }

    private void send(TransferEngine engine, Path file) throws IOException {
        String chosen = as;
        String name = chosen == null ? file.toRealPath().getFileName().toString() : chosen;
        ProgressLine progress = ProgressLine.of(spec.commandLine().getErr(), name);
        try {
            FileReport report = new FileSend(engine, to, file, name, retries, progress).run(Deadline.after(timeout));
            progress.end();
            spec.commandLine().getOut().println(FileLine.of("sent", report));
        } finally {
            progress.end();
        }
    }
}
