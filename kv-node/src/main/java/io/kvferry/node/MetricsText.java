package io.kvferry.node;

/**
 * Writes metrics in the text format of Prometheus.
 *
 * <p><b>Threads:</b> Confined to the thread that uses it.
 */
final class MetricsText {
    private final StringBuilder out = new StringBuilder(8192);

    void family(String name, String type, String help) {
        out.append("# HELP ").append(name).append(' ').append(help).append('\n');
        out.append("# TYPE ").append(name).append(' ').append(type).append('\n');
    }

    void sample(String name, String labels, long value) {
        begin(name, labels).append(value).append('\n');
    }

    void sample(String name, String labels, double value) {
        begin(name, labels).append(value).append('\n');
    }

    private StringBuilder begin(String name, String labels) {
        out.append(name);
        if (!labels.isEmpty()) {
            out.append('{').append(labels).append('}');
        }
        return out.append(' ');
    }

    void counter(String name, String help, long value) {
        family(name, "counter", help);
        sample(name, "", value);
    }

    void gauge(String name, String help, long value) {
        family(name, "gauge", help);
        sample(name, "", value);
    }

    @Override
    public String toString() {
        return out.toString();
    }
}
