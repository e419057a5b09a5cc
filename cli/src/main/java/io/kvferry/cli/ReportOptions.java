package io.kvferry.cli;

import io.kvferry.cli.bench.BenchPlot;
import io.kvferry.cli.bench.BenchReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Where a benchmark's table goes besides the terminal. */
final class ReportOptions {
    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(names = "--csv", paramLabel = "FILE", description = "Write the table as comma-separated values.")
    private @Nullable Path csv;

    @Option(names = "--json", paramLabel = "FILE", description = "Write the table as JSON.")
    private @Nullable Path json;

    @Option(names = "--plot", paramLabel = "FILE", description = "Draw the table; FILE ends in .svg or .html.")
    private @Nullable Path plot;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    ReportOptions() {}

    /** Whether anything is to be written. */
    boolean isAsked() {
        return csv != null || json != null || plot != null;
    }

    /** Refuses before anything is measured what could not be written afterwards. */
    void check() {
        Path image = plot;
        if (image != null && !isHtml(image) && !image.toString().endsWith(".svg")) {
            throw usage("--plot " + image + " ends neither in .svg nor in .html");
        }
        check("--csv", csv);
        check("--json", json);
        check("--plot", plot);
    }

    private void check(String option, @Nullable Path file) {
        if (file == null) {
            return;
        }
        Path folder = file.toAbsolutePath().getParent();
        if (Files.isDirectory(file) || folder == null || !Files.isDirectory(folder)) {
            throw usage(option + " " + file + " cannot be written: "
                    + (Files.isDirectory(file) ? "it is a folder" : "there is no folder " + folder));
        }
    }

    private ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    /** Writes what was asked for. */
    void write(List<Map<String, String>> rows, BenchPlot.Figure figure) throws IOException {
        Path csvFile = csv;
        if (csvFile != null) {
            Files.writeString(csvFile, BenchReport.csv(rows));
        }
        Path jsonFile = json;
        if (jsonFile != null) {
            Files.writeString(jsonFile, BenchReport.json(rows));
        }
        Path image = plot;
        if (image != null) {
            Files.writeString(image, isHtml(image) ? BenchPlot.html(figure, rows) : BenchPlot.svg(figure));
        }
    }

    private static boolean isHtml(Path file) {
        return file.toString().endsWith(".html");
    }
}
