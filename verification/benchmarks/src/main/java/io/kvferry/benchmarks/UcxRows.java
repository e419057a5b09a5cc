package io.kvferry.benchmarks;

import io.kvferry.benchmarks.KvFerryBench.Leases;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The table of the backend rdma over UCX: beside UCX's own test over TCP, and a C program of ours over shared memory. */
final class UcxRows {
    private static final String GB_PER_S = "GB/s";
    private static final String MICROS = "us";
    private static final String LATENCY_BLOCK = "64KiB";
    private static final int PIPELINE = 2;
    private static final long MIB = 1 << 20;

    /** What the C programs call what we do. */
    private static final Map<String, String> NAMES = Map.of("write", "put", "read", "get");

    private final Setup setup;
    private final Path program;
    private final List<Row> rows = new ArrayList<>();

    private UcxRows(Setup setup, Path program) {
        this.setup = setup;
        this.program = program;
    }

    /** All rows; {@code program} is {@code src/main/c/ucx.c}, compiled. */
    static List<Row> all(Setup setup, Path program) {
        UcxRows table = new UcxRows(setup, program);
        for (String operation : List.of("write", "read")) {
            table.tcp(operation, 1, 64);
            table.tcp(operation, 16, 4);
        }
        for (String operation : List.of("write", "read")) {
            table.sharedMemory(operation, 1, 64);
            table.sharedMemory(operation, 16, 4);
        }
        table.latency();
        table.adapter();
        return List.copyOf(table.rows);
    }

    private void tcp(String operation, int mebibytes, int batch) {
        String test = operation.equals("write") ? "ucp_put_bw" : "ucp_get";
        add(
                "ucx-tcp-" + NAMES.get(operation) + "-" + mebibytes + "m",
                operation + " " + mebibytes + " MiB x " + batch + " by UCX over TCP",
                streaming(Carrier.ucxTcp(), operation, mebibytes, batch),
                "ucx_perftest " + test,
                new UcxPerftest(setup, test, mebibytes * MIB),
                Check.ratioAtLeast(Sample.BANDWIDTH, GB_PER_S, 0.9));
    }

    private void sharedMemory(String operation, int mebibytes, int batch) {
        add(
                "ucx-shm-" + NAMES.get(operation) + "-" + mebibytes + "m",
                operation + " " + mebibytes + " MiB x " + batch + " by UCX over shared memory",
                streaming(Carrier.ucxSharedMemory(), operation, mebibytes, batch),
                "C by libucp",
                beside(operation, mebibytes * MIB, batch),
                Check.ratioAtLeast(Sample.BANDWIDTH, GB_PER_S, 0.8));
    }

    private void latency() {
        add(
                "ucx-shm-latency",
                "write 64 KiB by UCX over shared memory, submit to COMPLETED",
                new KvFerryBench(
                        setup,
                        Carrier.ucxSharedMemory(),
                        "write",
                        LATENCY_BLOCK,
                        1,
                        1,
                        Leases.STANDING,
                        "off",
                        KvFerryBench.MEMORY),
                "C by libucp",
                beside("write", 64 << 10, 1),
                Check.ratioAtMost("transfer_p50_us", "p50_us", MICROS, 1.5));
    }

    private void adapter() {
        add(
                "ucx-shm-adapter",
                "put of 64 KiB and flush by the adapter for UCX, in its own thread",
                new JmhRun(setup, "UcxCost.putAndFlush", List.of("bytes=65536", "puts=1")),
                "C by libucp",
                beside("write", 64 << 10, 1),
                Check.ratioAtMost("putAndFlush_us", "mean_us", MICROS, 1.5));
    }

    private KvFerryBench streaming(Carrier carrier, String operation, int mebibytes, int batch) {
        return new KvFerryBench(
                setup,
                carrier,
                operation,
                mebibytes + "MiB",
                batch,
                PIPELINE,
                Leases.STANDING,
                "off",
                KvFerryBench.MEMORY);
    }

    private PeerProgram beside(String operation, long blockBytes, int batch) {
        return new PeerProgram(
                setup.folder(),
                List.of(
                        program.toString(),
                        "posix,cma",
                        String.valueOf(NAMES.get(operation)),
                        String.valueOf(blockBytes),
                        String.valueOf(batch),
                        String.valueOf(setup.seconds().toSeconds())));
    }

    private void add(String name, String what, Measurement ours, String peerName, Measurement peer, Check check) {
        rows.add(new Row(name, what, ours, peerName, peer, List.of(check), false));
    }
}
