package io.kvferry.cli;

import io.kvferry.cli.conformance.RulePage;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "page",
        description = {
            "Writes every rule by every backend, from what the suites of a build have left in target/conformance.",
            "Exit code 1: a rule is broken."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExample:%n",
        footer = "  kvferry conformance page --out docs/conformance.md")
final class ConformancePageCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "FOLDER", description = "Where builds were made. Default: the working directory.")
    private List<Path> folders = List.of(Path.of(""));

    @Option(names = "--out", paramLabel = "FILE", description = "Write to this file. Default: standard output.")
    private @Nullable Path file;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    ConformancePageCommand() {}

    @Override
    public Integer call() throws IOException {
        RulePage page = RulePage.read(folders);
        Path out = file;
        if (out == null) {
            PrintWriter standard = spec.commandLine().getOut();
            standard.print(page.markdown());
            standard.flush();
        } else {
            Files.writeString(out, page.markdown());
        }
        return page.hasFailures() ? ExitCode.FAILED : ExitCode.OK;
    }
}
