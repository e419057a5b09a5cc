package io.kvferry.cli.conformance;

import io.kvferry.conformance.ConformanceLauncher.Outcome;
import io.kvferry.conformance.ConformanceLauncher.Result;
import io.kvferry.conformance.ConformanceRules;
import io.kvferry.conformance.ConformanceRules.Rule;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** One run of the suite as a page that needs nothing from elsewhere. */
public final class ConformanceHtml {
    private static final String STYLE = """
            body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 70em; color: #222; }
            table { border-collapse: collapse; width: 100%; }
            td, th { text-align: left; vertical-align: top; padding: .3em .6em; border-top: 1px solid #ddd; }
            pre { white-space: pre-wrap; margin: .4em 0 0; font-size: 13px; }
            .passed { color: #17692a; } .refused { color: #555; } .skipped { color: #8a5a00; }
            .failed { color: #b00020; font-weight: bold; } .not-run { color: #999; }
            """;

    private ConformanceHtml() {}

    /**
     * Writes the page.
     *
     * @param backend the backend's name
     * @param facts what the run was made with, in the order to show: version, machine, capabilities
     * @param results what the suite gave
     * @return HTML
     */
    public static String page(String backend, Map<String, String> facts, List<Result> results) {
        StringBuilder out = new StringBuilder(
                        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>")
                .append(escape(backend))
                .append(" and the contract of KVFerry</title><style>\n")
                .append(STYLE)
                .append("</style></head><body>\n<h1>")
                .append(escape(backend))
                .append("</h1>\n<p>")
                .append(summary(results))
                .append("</p>\n<table>\n");
        facts.forEach((name, value) -> out.append("<tr><th>")
                .append(escape(name))
                .append("</th><td>")
                .append(escape(value))
                .append("</td></tr>\n"));
        out.append("</table>\n<table>\n<tr><th>Rule</th><th>Topic</th><th>What holds</th><th>Result</th></tr>\n");
        rows(out, results);
        return out.append("</table>\n</body></html>\n").toString();
    }

    private static String summary(List<Result> results) {
        Map<Outcome, Long> counts = new EnumMap<>(Outcome.class);
        results.forEach(result -> counts.merge(result.outcome(), 1L, Long::sum));
        return counts.entrySet().stream()
                .map(count -> "<span class=\"" + word(count.getKey()) + "\">" + count.getValue() + " "
                        + word(count.getKey()) + "</span>")
                .collect(Collectors.joining(", "));
    }

    private static void rows(StringBuilder out, List<Result> results) {
        Map<String, Result> byTest =
                results.stream().collect(Collectors.toMap(Result::test, Function.identity(), (first, _) -> first));
        for (Rule rule : ConformanceRules.all()) {
            Result result = byTest.remove(rule.test());
            row(out, rule.id(), rule.topic(), rule.sentence(), result == null ? "not-run" : word(result.outcome()));
            out.append(result == null ? "" : message(result)).append("</td></tr>\n");
        }
        // a whole topic that could not start is no rule, and must be seen all the same
        for (Result other : byTest.values()) {
            row(out, "", other.suite(), other.test(), word(other.outcome()));
            out.append(message(other)).append("</td></tr>\n");
        }
    }

    private static void row(StringBuilder out, String rule, String topic, String sentence, String word) {
        out.append("<tr><td>")
                .append(escape(rule))
                .append("</td><td>")
                .append(escape(topic))
                .append("</td><td>")
                .append(escape(sentence))
                .append("</td><td class=\"")
                .append(word)
                .append("\">")
                .append(word.replace('-', ' '));
    }

    private static String message(Result result) {
        return result.reason().isEmpty() ? "" : "<pre>" + escape(result.reason()) + "</pre>";
    }

    private static String word(Outcome outcome) {
        return switch (outcome) {
            case PASSED -> "passed";
            case REFUSED -> "refused";
            case FAILED -> "failed";
            case SKIPPED -> "skipped";
        };
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}
