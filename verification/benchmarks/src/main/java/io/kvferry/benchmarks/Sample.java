package io.kvferry.benchmarks;

import java.util.Map;

/**
 * What one run of one program gave.
 *
 * @param figures by name; a figure that a program does not know is absent
 */
record Sample(Map<String, Double> figures) {
    static final String BANDWIDTH = "gb_per_s";
    static final String CPU = "cpu_s_per_gb";
    static final String SENDER_CPU = "sender_cpu_s_per_gb";

    Sample {
        figures = Map.copyOf(figures);
    }

    /** Returns a figure, or NaN if it is absent. */
    double figure(String name) {
        return figures.getOrDefault(name, Double.NaN);
    }
}
