package io.kvferry.cli.bench;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * What one point of a benchmark gave.
 *
 * @param point the point
 * @param backend what moved the bytes
 * @param transfers how many were measured
 * @param nanos in how long
 * @param prepare time of prepare
 * @param submit time of submit
 * @param transfer time from submit to the last byte applied
 * @param finish time of finish
 * @param initiatorCpuNanos processor time of this process
 * @param targetCpuNanos processor time of the target's process
 * @param memories how many pieces of memory the initiator had registered
 */
public record BenchResult(
        BenchCase point,
        String backend,
        long transfers,
        long nanos,
        Percentiles prepare,
        Percentiles submit,
        Percentiles transfer,
        Percentiles finish,
        long initiatorCpuNanos,
        long targetCpuNanos,
        int memories) {
    private static final double GIGABYTE = 1e9;

    /**
     * The middle and the tail of a distribution.
     *
     * @param p50 half of the samples did not exceed this many microseconds
     * @param p99 99 of 100 did not
     */
    public record Percentiles(double p50, double p99) {
        static Percentiles of(Latencies latencies) {
            return new Percentiles(latencies.micros(0.5), latencies.micros(0.99));
        }
    }

    /**
     * Returns how many bytes were moved.
     *
     * @return bytes
     */
    public long bytes() {
        return transfers * point.transferBytes();
    }

    /**
     * Returns the bandwidth.
     *
     * @return gigabytes (1e9 bytes) per second
     */
    public double gigabytesPerSecond() {
        return nanos == 0 ? 0 : (double) bytes() / nanos;
    }

    private double secondsPerGigabyte(long cpuNanos) {
        return bytes() == 0 ? 0 : cpuNanos / 1e9 / (bytes() / GIGABYTE);
    }

    /**
     * Returns the values as they are printed, by the names of their columns.
     *
     * @return in the order of the columns; every value but the operation and the backend is a number
     */
    public Map<String, String> columns() {
        Map<String, String> columns = new LinkedHashMap<>();
        columns.put("operation", point.operation().name().toLowerCase(Locale.ROOT));
        columns.put("backend", backend);
        columns.put("block_bytes", String.valueOf(point.blockBytes()));
        columns.put("batch", String.valueOf(point.batch()));
        columns.put("threads", String.valueOf(point.threads()));
        columns.put("transfers", String.valueOf(transfers));
        columns.put("gb_per_s", decimals(3, gigabytesPerSecond()));
        put(columns, "prepare", prepare);
        put(columns, "submit", submit);
        put(columns, "transfer", transfer);
        put(columns, "finish", finish);
        columns.put("cpu_s_per_gb", decimals(3, secondsPerGigabyte(initiatorCpuNanos)));
        columns.put("target_cpu_s_per_gb", decimals(3, secondsPerGigabyte(targetCpuNanos)));
        columns.put("memories", String.valueOf(memories));
        return columns;
    }

    private static void put(Map<String, String> columns, String step, Percentiles micros) {
        columns.put(step + "_p50_us", decimals(1, micros.p50()));
        columns.put(step + "_p99_us", decimals(1, micros.p99()));
    }

    private static String decimals(int count, double value) {
        return String.format(Locale.ROOT, "%." + count + "f", value);
    }
}
