package io.kvferry.cli.bench;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongFunction;
import java.util.stream.LongStream;

/** Draws what a benchmark gave over one of its parameters, a line for each of the others, as SVG. */
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

    private final Figure figure;
    private final double minPower;
    private final double maxPower;
    private final double top;
    private final StringBuilder svg = new StringBuilder();

    /**
     * What to draw.
     *
     * @param title one line
     * @param xLabel what lies along the bottom, in powers of two
     * @param xName writes such a value
     * @param yLabel what goes upwards
     * @param lines the values by the names of their lines; at least one
     */
    public record Figure(
            String title,
            String xLabel,
            LongFunction<String> xName,
            String yLabel,
            Map<String, Map<Long, Double>> lines) {}

    private BenchPlot(Figure figure) {
        this.figure = figure;
        minPower = power(across().min().orElse(1));
        maxPower = power(across().max().orElse(1));
        double highest = figure.lines().values().stream()
                .flatMap(points -> points.values().stream())
                .mapToDouble(Double::doubleValue)
                .max()
                .orElse(1);
        top = Math.max(highest * 1.1, 1e-9);
    }

    private LongStream across() {
        return figure.lines().values().stream()
                .flatMap(points -> points.keySet().stream())
                .mapToLong(Long::longValue)
                .distinct();
    }

    /**
     * Draws an image.
     *
     * @param figure what to draw
     * @return the SVG
     */
    public static String svg(Figure figure) {
        return new BenchPlot(figure).draw();
    }

    /**
     * Draws the same image on a page with the table below.
     *
     * @param figure what to draw
     * @param rows the table, each row by the names of its columns; at least one
     * @return the HTML
     */
    public static String html(Figure figure, List<Map<String, String>> rows) {
        StringBuilder page = new StringBuilder(
                        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>")
                .append(escape(figure.title()))
                .append("</title><style>body{font-family:sans-serif}table{border-collapse:collapse;font-size:13px}")
                .append("td,th{border:1px solid #ccc;padding:2px 6px;text-align:right}</style></head><body>\n")
                .append(svg(figure))
                .append("<table>\n");
        page.append(row("th", rows.getFirst().keySet()));
        rows.forEach(row -> page.append(row("td", row.values())));
        return page.append("</table>\n</body></html>\n").toString();
    }

    private static String row(String cell, Iterable<String> values) {
        StringBuilder row = new StringBuilder("<tr>");
        values.forEach(value -> row.append("<" + cell + ">" + escape(value) + "</" + cell + ">"));
        return row.append("</tr>\n").toString();
    }

    private String draw() {
        svg.append(String.format(
                Locale.ROOT,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%1$d\" height=\"%2$d\" viewBox=\"0 0 %1$d %2$d\""
                        + " font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"%1$d\" height=\"%2$d\""
                        + " fill=\"white\"/>\n",
                WIDTH,
                HEIGHT));
        text(LEFT, 22, "start", figure.title());
        text((LEFT + RIGHT) / 2, HEIGHT - 12, "middle", figure.xLabel());
        text(LEFT, TOP - 6, "middle", figure.yLabel());
        gridAcross();
        gridDown();
        int number = 0;
        for (Map.Entry<String, Map<Long, Double>> line : figure.lines().entrySet()) {
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
        across().forEach(value -> {
            line(x(value), TOP, x(value), BOTTOM, "#eee");
            text(x(value), BOTTOM + 18, "middle", figure.xName().apply(value));
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

    private double x(long value) {
        double span = maxPower - minPower;
        double share = span == 0 ? 0.5 : (power(value) - minPower) / span;
        return LEFT + share * (RIGHT - LEFT);
    }

    private double y(double value) {
        return BOTTOM - value / top * (BOTTOM - TOP);
    }

    private static double power(long value) {
        return Math.log((double) value) / Math.log(2);
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
