package io.kvferry.cli.conformance;

import io.kvferry.conformance.ConformanceRules;
import io.kvferry.conformance.ConformanceRules.Rule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Every rule by every backend that a build has run the suite for: what {@code target/conformance} holds, side by side. */
public final class RulePage {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final Path FOLDER = Path.of("target", "conformance");
    private static final int DEPTH = 8;

    private static final String HEADER = """
            # Which rule holds where

            Written by `kvferry conformance page` from what the suites of a build have left in `target/conformance/`; the rules are in
            [contract.md](contract.md). **pass**: it holds. **refused**: what it is about is not declared, and was refused as it must
            be. **FAIL**: it does not hold. **skip**: the environment was missing, for the reason given below. **-**: not run for this
            backend; the rules of the topic Process need one that crosses processes, those of Socket real sockets behind a proxy.
            A rule without any test is called untested.

            A *real* adapter is the library or the socket itself, an *emulator* behaves like the library, a *fake* is a model in Java:
            what passes on those two has not been shown on the real thing.

            """;

    private final List<Report> reports;

    /** What one harness gave. */
    private record Report(
            String backend, String adapter, long seed, Map<String, String> results, Map<String, String> reasons) {}

    private RulePage(List<Report> reports) {
        this.reports = reports;
    }

    /**
     * Reads all reports below some folders.
     *
     * @param folders where builds were made
     * @return the page
     * @throws IOException if one cannot be read, or there is none
     */
    public static RulePage read(List<Path> folders) throws IOException {
        List<Report> reports = new ArrayList<>();
        for (Path folder : folders) {
            try (Stream<Path> files = Files.find(folder, DEPTH, (file, _) -> isReport(file))) {
                for (Path file : files.toList()) {
                    reports.add(parse(file));
                }
            }
        }
        if (reports.isEmpty()) {
            throw new IOException("no " + FOLDER + "/*.json below " + folders
                    + "; run the suites first, for example with: mvn verify");
        }
        reports.sort(Comparator.comparing(Report::backend));
        return new RulePage(reports);
    }

    private static boolean isReport(Path file) {
        Path parent = file.getParent();
        return parent != null && parent.endsWith(FOLDER) && file.toString().endsWith(".json");
    }

    private static Report parse(Path file) throws IOException {
        JsonNode json;
        try {
            json = JSON.readTree(Files.readString(file));
        } catch (JacksonException e) {
            throw new IOException(file + " is no report of the suite: " + e.getOriginalMessage(), e);
        }
        Map<String, String> results = new HashMap<>();
        Map<String, String> reasons = new TreeMap<>();
        json.path("passed").forEach(test -> results.put(test.asString(""), "pass"));
        json.path("refused").forEach(test -> results.put(test.asString(""), "refused"));
        for (String kind : List.of("failed", "skipped")) {
            json.path(kind).properties().forEach(entry -> {
                results.put(entry.getKey(), kind.equals("failed") ? "**FAIL**" : "skip");
                reasons.put(entry.getKey(), entry.getValue().asString(""));
            });
        }
        return new Report(
                json.path("backend").asString(""),
                json.path("adapter").asString(""),
                json.path("seed").asLong(0),
                results,
                reasons);
    }

    /**
     * Tells whether a rule fails somewhere.
     *
     * @return true if one does
     */
    public boolean hasFailures() {
        return reports.stream().anyMatch(report -> report.results().containsValue("**FAIL**"));
    }

    /**
     * Writes the page.
     *
     * @return Markdown
     */
    public String markdown() {
        StringBuilder out = new StringBuilder(HEADER);
        out.append("| rule | what holds |");
        reports.forEach(report -> out.append(' ').append(report.backend()).append(" |"));
        out.append("\n| --- | --- |").repeat(" --- |", reports.size()).append("\n| | *adapter* |");
        reports.forEach(report -> out.append(" *").append(report.adapter()).append("* |"));
        out.append('\n');
        for (Rule rule : ConformanceRules.all()) {
            out.append("| ")
                    .append(rule.id())
                    .append(" | ")
                    .append(sentence(rule))
                    .append(" |");
            reports.forEach(report -> out.append(' ')
                    .append(Objects.requireNonNullElse(report.results().get(rule.test()), "-"))
                    .append(" |"));
            out.append('\n');
        }
        reasons(out);
        return out.toString();
    }

    private String sentence(Rule rule) {
        boolean tested = reports.stream().anyMatch(report -> report.results().containsKey(rule.test()));
        return rule.sentence() + (tested ? "" : " (**untested**)");
    }

    private void reasons(StringBuilder out) {
        for (Report report : reports) {
            if (!report.reasons().isEmpty()) {
                out.append("\n## ")
                        .append(report.backend())
                        .append(" (seed ")
                        .append(report.seed())
                        .append(")\n\n");
                report.reasons()
                        .forEach((test, reason) -> out.append("- `")
                                .append(test)
                                .append("`: ")
                                .append(reason.lines().findFirst().orElse(""))
                                .append('\n'));
            }
        }
    }
}
