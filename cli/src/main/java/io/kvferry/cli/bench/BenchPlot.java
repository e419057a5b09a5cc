package io.kvferry.cli.bench;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Draws bandwidth over block size, a line for each operation, batch and number of threads, as SVG. */
public final class BenchPlot {
    private static final int WIDTH = 800;
    private static final int HEIGHT = 440;
    private static final int LEFT = 60;
    private static final int TOP = 40;
    private static final int BOTTOM = 380;
    private static final int RIGHT = 600;
    private static final List<String> COLOURS = List.of(
            "#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2", "#7f7f7f",
            "#bcbd22");

    private final Map<String, Map<Long, Double>> lines = new LinkedHashMap<>();
    private final double minPower;
    private final double maxPower;
    private final double top;
    private final StringBuilder svg = new StringBuilder();

    private BenchPlot(List<BenchResult> results) {
        for (BenchResult result : results) {
            BenchCase point = result.point();
            String name = point.operation().name().toLowerCase(Locale.ROOT) + ", batch " + point.batch() + ", threads "
                    + point.threads();
            lines.computeIfAbsent(name, _ -> new TreeMap<>()).put(point.blockBytes(), result.gigabytesPerSecond());
        }
        minPower = results.stream()
                .mapToDouble(r -> power(r.point().blockBytes()))
                .min()
                .orElse(0);
        maxPower = results.stream()
                .mapToDouble(r -> power(r.point().blockBytes()))
                .max()
                .orElse(1);
        double highest = results.stream()
                .mapToDouble(BenchResult::gigabytesPerSecond)
                .max()
                .orElse(1);
        top = Math.max(highest * 1.1, 1e-9);
    }

    /**
     * Draws an image.
     *
     * @param results at least one
     * @param title one line
     * @return the SVG
     */
    public static String svg(List<BenchResult> results, String title) {
        return new BenchPlot(results).draw(title);
    }

    /**
     * Draws the same image on a page with the table below.
     *
     * @param results at least one
     * @param title one line
     * @return the HTML
     */
    public static String html(List<BenchResult> results, String title) {
        StringBuilder page = new StringBuilder(
                        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>")
                .append(escape(title))
                .append("</title><style>body{font-family:sans-serif}table{border-collapse:collapse;font-size:13px}")
                .append("td,th{border:1px solid #ccc;padding:2px 6px;text-align:right}</style></head><body>\n")
                .append(svg(results, title))
                .append("<table>\n");
        page.append(row("th", results.getFirst().columns().keySet()));
        results.forEach(result -> page.append(row("td", result.columns().values())));
        return page.append("</table>\n</body></html>\n").toString();
    }

    private static String row(String cell, Iterable<String> values) {
        StringBuilder row = new StringBuilder("<tr>");
        values.forEach(value -> row.append("<" + cell + ">" + escape(value) + "</" + cell + ">"));
        return row.append("</tr>\n").toString();
    }

    private String draw(String title) {
        svg.append(String.format(
                Locale.ROOT,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%1$d\" height=\"%2$d\" viewBox=\"0 0 %1$d %2$d\""
                        + " font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"%1$d\" height=\"%2$d\""
                        + " fill=\"white\"/>\n",
                WIDTH,
                HEIGHT));
        text(LEFT, 22, "start", title);
        text((LEFT + RIGHT) / 2, HEIGHT - 12, "middle", "block size");
        text(LEFT, TOP - 6, "middle", "GB/s");
        gridAcross();
        gridDown();
        int number = 0;
        for (Map.Entry<String, Map<Long, Double>> line : lines.entrySet()) {
            draw(line.getKey(), line.getValue(), number++);
        }
        return svg.append("</svg>\n").toString();
    }

    private void gridAcross() {
        for (int i = 0; i <= 5; i++) {
            double value = top * i / 5;
            line(LEFT, y(value), RIGHT, y(value), "#ddd");
            text(LEFT - 6, y(value) + 4, "end", String.format(Locale.ROOT, "%.2f", value));
        }
    }

    private void gridDown() {
        lines.values().stream()
                .flatMap(points -> points.keySet().stream())
                .distinct()
                .forEach(block -> {
                    line(x(block), TOP, x(block), BOTTOM, "#eee");
                    text(x(block), BOTTOM + 18, "middle", size(block));
                });
    }

    private void draw(String name, Map<Long, Double> points, int number) {
        String colour = COLOURS.get(number % COLOURS.size());
        StringBuilder path = new StringBuilder();
        points.forEach((block, value) -> {
            path.append(String.format(Locale.ROOT, "%.1f,%.1f ", x(block), y(value)));
            svg.append(String.format(
                    Locale.ROOT,
                    "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>%n",
                    x(block),
                    y(value),
                    colour));
        });
        svg.append("<polyline fill=\"none\" stroke-width=\"2\" stroke=\"" + colour + "\" points=\"" + path + "\"/>\n");
        double y = TOP + 10 + number * 18.0;
        line(RIGHT + 14, y - 4, RIGHT + 34, y - 4, colour);
        text(RIGHT + 40, y, "start", name);
    }

    private void line(double x1, double y1, double x2, double y2, String colour) {
        svg.append(String.format(
                Locale.ROOT,
                "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>%n",
                x1,
                y1,
                x2,
                y2,
                colour));
    }

    private void text(double x, double y, String anchor, String content) {
        svg.append(String.format(
                Locale.ROOT,
                "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>%n",
                x,
                y,
                anchor,
                escape(content)));
    }

    private double x(long block) {
        double span = maxPower - minPower;
        double share = span == 0 ? 0.5 : (power(block) - minPower) / span;
        return LEFT + share * (RIGHT - LEFT);
    }

    private double y(double value) {
        return BOTTOM - value / top * (BOTTOM - TOP);
    }

    private static double power(long block) {
        return Math.log((double) block) / Math.log(2);
    }

    private static String size(long bytes) {
        if (bytes % (1 << 20) == 0) {
            return bytes / (1 << 20) + " MiB";
        }
        return bytes % 1024 == 0 ? bytes / 1024 + " KiB" : bytes + " B";
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
