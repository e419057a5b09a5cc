package io.kvferry.benchmarks;

import io.kvferry.benchmarks.KvFerryBench.Leases;
import java.util.ArrayList;
import java.util.List;

/** The table of {@code docs/performance.md}: what is compared with what, and what is promised. */
final class Rows {
    private static final String GB_PER_S = "GB/s";
    private static final String CPU_S_PER_GB = "CPU s/GB";
    private static final String MICROS = "us";
    private static final List<String> OPERATIONS = List.of("write", "read");
    /** Enough transfers under way that the connection does not run dry while the next one is prepared. */
    private static final int PIPELINE_LARGE = 2;

    private static final int PIPELINE_SMALL = 4;
    private static final String MOONCAKE = "mooncake";

    private final Setup setup;
    private final List<Row> rows = new ArrayList<>();

    private Rows(Setup setup) {
        this.setup = setup;
    }

    static List<Row> all(Setup setup, long soakGibibytes) {
        Rows table = new Rows(setup);
        OPERATIONS.forEach(table::largeBlocks);
        OPERATIONS.forEach(table::smallBlocks);
        OPERATIONS.forEach(operation -> table.checksum(operation, "1m", "1MiB", 64, PIPELINE_LARGE));
        OPERATIONS.forEach(operation -> table.checksum(operation, "64k", "64KiB", 128, PIPELINE_SMALL));
        OPERATIONS.forEach(operation -> table.mooncake(operation, "1m", "1MiB", 64, PIPELINE_LARGE));
        OPERATIONS.forEach(operation -> table.mooncake(operation, "64k", "64KiB", 128, PIPELINE_SMALL));
        table.mooncakeLatency();
        table.latency();
        table.prepareAndFinish();
        table.engine();
        table.manyBlocks();
        table.soak(soakGibibytes);
        return List.copyOf(table.rows);
    }

    private void largeBlocks(String operation) {
        // with CUBIC iperf3, which sends one hot buffer, comes close to the memory bandwidth of this path
        double limit = setup.congestion().equals("cubic") ? 0.75 : 0.95;
        against(
                operation + "-1m",
                operation + " 1 MiB x 64",
                streaming(operation, "1MiB", 64, PIPELINE_LARGE, "off"),
                "iperf3 -l 1M",
                new Iperf(setup, operation),
                List.of(
                        Check.ratioAtLeast(Sample.BANDWIDTH, GB_PER_S, limit),
                        Check.ratioAtMost(Sample.CPU, Sample.CPU, CPU_S_PER_GB, 1.3)));
    }

    private void smallBlocks(String operation) {
        against(
                operation + "-64k",
                operation + " 64 KiB x 128",
                streaming(operation, "64KiB", 128, PIPELINE_SMALL, "off"),
                "iperf3 -l 1M",
                new Iperf(setup, operation),
                List.of(Check.ratioAtLeast(Sample.BANDWIDTH, GB_PER_S, 0.75)));
    }

    private void checksum(String operation, String size, String block, int batch, int pipeline) {
        against(
                operation + "-" + size + "-crc32c",
                operation + " " + block + " x " + batch + ", CRC32C",
                streaming(operation, block, batch, pipeline, "on"),
                "without",
                streaming(operation, block, batch, pipeline, "off"),
                List.of(Check.ratioAtLeast(Sample.BANDWIDTH, GB_PER_S, 0.8)));
    }

    private KvFerryBench streaming(String operation, String block, int batch, int pipeline, String checksum) {
        return streaming(KvFerryBench.TCP, operation, block, batch, pipeline, checksum);
    }

    private KvFerryBench streaming(
            String backend, String operation, String block, int batch, int pipeline, String checksum) {
        return new KvFerryBench(
                setup, backend, operation, block, batch, pipeline, Leases.STANDING, checksum, KvFerryBench.MEMORY);
    }

    private void mooncake(String operation, String size, String block, int batch, int pipeline) {
        against(
                "mooncake-" + operation + "-" + size,
                operation + " " + block + " x " + batch + " by Mooncake's wire",
                streaming(MOONCAKE, operation, block, batch, pipeline, "off"),
                "backend tcp",
                streaming(operation, block, batch, pipeline, "off"),
                List.of(Check.ratioAtLeast(Sample.BANDWIDTH, GB_PER_S, 0.9)));
    }

    private void mooncakeLatency() {
        against(
                "mooncake-latency",
                "write 64 KiB by Mooncake's wire, submit to COMPLETED",
                streaming(MOONCAKE, "write", "64KiB", 1, 1, "off"),
                "backend tcp",
                streaming("write", "64KiB", 1, 1, "off"),
                List.of(Check.ratioAtMost("transfer_p50_us", "transfer_p50_us", MICROS, 1.2)));
    }

    private void latency() {
        PeerProgram answer = new PeerProgram(
                setup.folder(),
                List.of(
                        setup.peer().toString(),
                        "answer",
                        String.valueOf(setup.seconds().toSeconds()),
                        setup.congestion()));
        against(
                "latency",
                "write 64 KiB, submit to COMPLETED",
                new KvFerryBench(
                        setup, KvFerryBench.TCP, "write", "64KiB", 1, 1, Leases.STANDING, "off", KvFerryBench.MEMORY),
                "C request/response",
                answer,
                List.of(
                        Check.ratioAtMost("transfer_p50_us", "p50_us", MICROS, 1.3),
                        Check.ratioAtMost("transfer_p99_us", "p99_us", MICROS, 1.6)));
    }

    private void prepareAndFinish() {
        alone(
                "prepare-finish",
                "prepare and finish, warm peer",
                new KvFerryBench(
                        setup, KvFerryBench.TCP, "write", "64KiB", 1, 1, Leases.ONE_EACH, "off", KvFerryBench.MEMORY),
                List.of(Check.atMost("prepare_p50_us", MICROS, 300), Check.atMost("finish_p50_us", MICROS, 300)),
                false);
    }

    private void engine() {
        alone(
                "engine",
                "engine per transfer, no I/O",
                new EngineCost(setup),
                List.of(Check.atMost(EngineCost.TIME, MICROS, 3), Check.atMost(EngineCost.BYTES, "bytes", 1024)),
                true);
    }

    private void manyBlocks() {
        against(
                "blocks-10000",
                "write 16 KiB x 10000",
                new KvFerryBench(
                        setup, KvFerryBench.TCP, "write", "16KiB", 10_000, 1, Leases.STANDING, "off", "512MiB"),
                "iperf3 -l 1M",
                new Iperf(setup, "write"),
                List.of(
                        Check.ratioAtLeast(Sample.BANDWIDTH, GB_PER_S, 0.6),
                        Check.atMost("memories", "registrations", 1)));
    }

    private void soak(long gibibytes) {
        alone(
                "memory",
                "resident memory after " + gibibytes + " GiB / a tenth",
                new Soak(streaming("write", "1MiB", 64, PIPELINE_LARGE, "off"), gibibytes),
                List.of(Check.atMost(Soak.GROWTH, "x", 1.05)),
                true);
    }

    private void against(
            String name, String what, Measurement ours, String peerName, Measurement peer, List<Check> checks) {
        rows.add(new Row(name, what, ours, peerName, peer, checks, false));
    }

    private void alone(String name, String what, Measurement ours, List<Check> checks, boolean once) {
        rows.add(new Row(name, what, ours, "-", null, checks, once));
    }
}
