package io.kvferry.cli.bench;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Writes results for programs. */
public final class BenchReport {
    private BenchReport() {}

    /**
     * Writes comma-separated values with a line of column names.
     *
     * @param results at least one
     * @return the text
     */
    public static String csv(List<BenchResult> results) {
        StringBuilder text = new StringBuilder();
        text.append(String.join(",", results.getFirst().columns().keySet())).append('\n');
        for (BenchResult result : results) {
            text.append(String.join(",", result.columns().values())).append('\n');
        }
        return text.toString();
    }

    /**
     * Writes a JSON array with an object for each result.
     *
     * @param results any number
     * @return the text
     */
    public static String json(List<BenchResult> results) {
        return results.stream()
                .map(result -> "  " + json(result.columns()))
                .collect(Collectors.joining(",\n", "[\n", "\n]\n"));
    }

    private static String json(Map<String, String> columns) {
        // names and words are ours and need no escapes
        return columns.entrySet().stream()
                .map(column -> "\"" + column.getKey() + "\": " + value(column.getValue()))
                .collect(Collectors.joining(", ", "{", "}"));
    }

    private static String value(String text) {
        return text.matches("-?[0-9.]+") ? text : "\"" + text + "\"";
    }
}
