package io.kvferry.cli;

import java.util.ArrayList;
import java.util.List;

/** Lines of columns, as wide as their widest cell. */
final class Table {
    private final List<List<String>> rows = new ArrayList<>();

    Table(String... headings) {
        rows.add(List.of(headings));
    }

    void add(String... cells) {
        rows.add(List.of(cells));
    }

    /** The first column to the left and the others as {@code rightAligned} says. */
    String text(boolean rightAligned) {
        StringBuilder text = new StringBuilder();
        for (List<String> row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < row.size(); i++) {
                int width = width(i);
                boolean right = rightAligned && i > 0;
                line.append(String.format(right ? "%" + width + "s" : "%-" + width + "s", row.get(i)));
                line.append("  ");
            }
            text.append(line.toString().stripTrailing()).append(System.lineSeparator());
        }
        return text.toString();
    }

    private int width(int column) {
        return rows.stream()
                .filter(row -> row.size() > column)
                .mapToInt(row -> Math.max(1, row.get(column).length()))
                .max()
                .orElse(1);
    }
}
