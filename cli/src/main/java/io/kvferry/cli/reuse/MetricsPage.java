package io.kvferry.cli.reuse;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * A page of metrics in the text format of Prometheus. A metric with labels counts as the sum over them.
 *
 * <p><b>Threads:</b> Immutable.
 */
public final class MetricsPage {
    private final Map<String, Double> sums;

    private MetricsPage(Map<String, Double> sums) {
        this.sums = sums;
    }

    /**
     * Reads a page. Lines that are not understood are passed over; a page without any that is, is none.
     *
     * @param text the page
     * @return its metrics
     * @throws TransferException PROTOCOL_ERROR if it holds no metric
     */
    public static MetricsPage read(String text) {
        Map<String, Double> sums = new HashMap<>();
        text.lines().filter(line -> !line.startsWith("#")).forEach(line -> add(line.strip(), sums));
        if (sums.isEmpty()) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR, Stage.TRANSFER, "the page of metrics holds no metric");
        }
        return new MetricsPage(Map.copyOf(sums));
    }

    private static void add(String line, Map<String, Double> sums) {
        int brace = line.indexOf('{');
        int nameEnd = brace < 0 ? line.indexOf(' ') : brace;
        int valueAt = brace < 0 ? nameEnd : line.lastIndexOf('}') + 1;
        if (nameEnd < 1 || valueAt < nameEnd) {
            return;
        }
        String rest = line.substring(valueAt).strip();
        int space = rest.indexOf(' '); // before a time, which few pages have
        try {
            double value = Double.parseDouble(space < 0 ? rest : rest.substring(0, space));
            sums.merge(line.substring(0, nameEnd), value, Double::sum);
        } catch (NumberFormatException e) {
            // NaN and infinities are written in another way than Java's, and are no counts anyway
        }
    }

    /**
     * Finds a metric. Whether a counter's name ends in {@code _total} depends on who wrote the page, so both are tried.
     *
     * @param names what it may be called, without {@code _total}; the first that is there counts
     * @return its value
     */
    public OptionalDouble value(String... names) {
        for (String name : names) {
            for (String spelling : List.of(name + "_total", name)) {
                Double value = sums.get(spelling);
                if (value != null) {
                    return OptionalDouble.of(value);
                }
            }
        }
        return OptionalDouble.empty();
    }
}
