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
     * @param rows each by the names of its columns; at least one
     * @return the text
     */
    public static String csv(List<Map<String, String>> rows) {
        StringBuilder text = new StringBuilder();
        text.append(String.join(",", rows.getFirst().keySet())).append('\n');
        for (Map<String, String> row : rows) {
            text.append(String.join(",", row.values())).append('\n');
        }
        return text.toString();
    }

    /**
     * Writes a JSON array with an object for each row.
     *
     * @param rows each by the names of its columns; any number
     * @return the text
     */
    public static String json(List<Map<String, String>> rows) {
        return rows.stream().map(row -> "  " + jsonLine(row)).collect(Collectors.joining(",\n", "[\n", "\n]\n"));
    }

    /**
     * Writes one row as a JSON object on one line.
     *
     * @param columns values by the names of their columns
     * @return the text, without a line break
     */
    public static String jsonLine(Map<String, String> columns) {
        // names and words are ours and need no escapes
        return columns.entrySet().stream()
                .map(column -> "\"" + column.getKey() + "\": " + value(column.getValue()))
                .collect(Collectors.joining(", ", "{", "}"));
    }

    private static String value(String text) {
        return text.matches("-?[0-9.]+") ? text : "\"" + text + "\"";
    }
}
