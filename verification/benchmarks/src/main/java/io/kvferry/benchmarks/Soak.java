package io.kvferry.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Moves a lot and compares the resident memory of both processes late with that early on.
 *
 * @param bench what moves it
 * @param gibibytes how much; early is after a tenth of it
 */
record Soak(KvFerryBench bench, long gibibytes) implements Measurement {
    static final String GROWTH = "resident_late_to_early";

    private static final Duration LOOK = Duration.ofSeconds(1);
    private static final long SECONDS_PER_GIBIBYTE = 3;
    private static final long START_SECONDS = 60;
    private static final int EARLY = 10;

    @Override
    public Sample run() throws IOException {
        Duration limit = Duration.ofSeconds(START_SECONDS + gibibytes * SECONDS_PER_GIBIBYTE);
        try (Program program = bench.start(limit, List.of())) {
            Map<Long, Long> early = residentAfter(program, (gibibytes << 30) / EARLY, limit);
            Map<Long, Long> late = residentAfter(program, gibibytes << 30, limit);
            return sample(early, late);
        }
    }

    private Map<Long, Long> residentAfter(Program program, long bytes, Duration limit) throws IOException {
        for (long looks = limit.dividedBy(LOOK); looks > 0 && !program.endsWithin(LOOK); looks--) {
            List<Long> processes = program.ids();
            // each byte is sent by one process and received by the other
            long moved = bench.setup().sockets().of(processes).stream()
                    .mapToLong(Sockets.Socket::sentBytes)
                    .sum();
            if (moved >= bytes) {
                return resident(processes);
            }
        }
        throw new IOException("kvferry bench moved less than " + bytes + " bytes in " + limit.toSeconds() + " s"
                + program.complaint());
    }

    private static Map<Long, Long> resident(List<Long> processes) throws IOException {
        Map<Long, Long> kibibytes = new HashMap<>();
        for (long process : processes) {
            String status = Files.readString(Path.of("/proc", String.valueOf(process), "status"));
            kibibytes.put(process, residentKibibytes(status));
        }
        return kibibytes;
    }

    static long residentKibibytes(String status) {
        return status.lines()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }

    /** The process that grew most counts. */
    static Sample sample(Map<Long, Long> early, Map<Long, Long> late) {
        double growth = early.keySet().stream()
                .mapToDouble(process -> (double) late.getOrDefault(process, 0L) / early.getOrDefault(process, 1L))
                .max()
                .orElse(Double.NaN);
        return new Sample(Map.of(GROWTH, growth, "early_mib", mebibytes(early), "late_mib", mebibytes(late)));
    }

    private static double mebibytes(Map<Long, Long> kibibytes) {
        return kibibytes.values().stream().mapToLong(Long::longValue).sum() / 1024.0;
    }
}
