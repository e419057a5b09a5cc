package io.kvferry.benchmarks;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * {@code kvferry bench}, its two processes on this machine. It warms up once and then waits for its turns.
 *
 * <p>Threads: confined to the thread that uses it.
 */
final class KvFerryBench implements Measurement {
    static final String TCP = "tcp";
    static final String MEMORY = "256MiB";

    private static final Duration START = Duration.ofSeconds(60);
    private static final Duration LOOK = Duration.ofMillis(250);
    /** A connection that moved this much carries data, not messages. */
    private static final long DATA_BYTES = 4L << 20;

    enum Leases {
        /** One lease serves all transfers. */
        STANDING,
        /** Each transfer has its own. */
        ONE_EACH
    }

    private final Setup setup;
    private final String backend;
    private final String operation;
    private final String block;
    private final int batch;
    private final int pipeline;
    private final Leases leases;
    private final String checksum;
    private final String memory;
    private @Nullable Program warm;

    /**
     * Describes it; nothing runs yet.
     *
     * @param setup where and under which congestion control
     * @param backend tcp, or one whose sockets run the machine's own congestion control
     * @param operation read or write
     * @param block block size, as the command takes it
     * @param batch blocks per transfer
     * @param pipeline transfers in flight
     * @param leases how the target lends its memory
     * @param checksum on or off
     * @param memory what each side walks through, as the command takes it
     */
    KvFerryBench(
            Setup setup,
            String backend,
            String operation,
            String block,
            int batch,
            int pipeline,
            Leases leases,
            String checksum,
            String memory) {
        this.setup = setup;
        this.backend = backend;
        this.operation = operation;
        this.block = block;
        this.batch = batch;
        this.pipeline = pipeline;
        this.leases = leases;
        this.checksum = checksum;
        this.memory = memory;
    }

    Setup setup() {
        return setup;
    }

    @Override
    public Sample run() throws IOException {
        Program bench = warm;
        Duration limit = START.plus(setup.seconds().multipliedBy(2));
        if (bench == null) {
            bench = start(setup.seconds(), List.of("--turns"));
            warm = bench;
            checkCongestion(bench);
            limit = limit.plus(setup.warmUp());
        }
        return sample(bench.ask(limit));
    }

    @Override
    public void end() throws IOException {
        Program bench = warm;
        warm = null;
        if (bench != null) {
            bench.close();
        }
    }

    /** Starts it to measure for so long. */
    Program start(Duration duration, List<String> more) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                setup.java(),
                "-XX:+UseSerialGC",
                "-jar",
                setup.kvferryJar().toString(),
                "bench",
                "--local",
                "--backend",
                backend,
                "--operation",
                operation,
                "--block-size",
                block));
        if (backend.equals(TCP)) {
            command.addAll(List.of("--set", "kvferry.tcp.congestion-control=" + setup.congestion()));
        }
        command.addAll(List.of("--batch", String.valueOf(batch), "--pipeline", String.valueOf(pipeline)));
        command.addAll(List.of("--checksum", checksum, "--memory", memory));
        command.addAll(
                List.of("--warm-up", setup.warmUp().toMillis() + "ms", "--duration", duration.toMillis() + "ms"));
        if (leases == Leases.STANDING) {
            command.add("--standing");
        }
        command.addAll(more);
        return Program.start(setup.folder(), command);
    }

    /** Looks at the sockets once both sides have moved data, which is during the warm-up. */
    private void checkCongestion(Program bench) throws IOException {
        for (long looks = START.dividedBy(LOOK); looks > 0 && !bench.endsWithin(LOOK); looks--) {
            List<Sockets.Socket> data = setup.sockets().of(bench.ids()).stream()
                    .filter(socket -> socket.sentBytes() + socket.receivedBytes() >= DATA_BYTES)
                    .toList();
            if (data.stream().map(Sockets.Socket::process).distinct().count() < 2) {
                continue;
            }
            Set<String> running = data.stream().map(Sockets.Socket::congestion).collect(Collectors.toSet());
            if (!running.equals(Set.of(setup.congestion()))) {
                throw new IOException("kvferry's sockets run " + running + ", --congestion " + setup.congestion()
                        + " was asked for; "
                        + (backend.equals(TCP)
                                ? "kvferry.tcp.transport=nio cannot set it"
                                : backend + " cannot set it: measure under the machine's own"));
            }
            return;
        }
        bench.result(LOOK); // its own complaint says more, if it has one
        throw new IOException("kvferry bench moved no data, so its congestion control is unknown" + bench.complaint());
    }

    private Sample sample(String json) {
        JsonObject point = JsonParser.parseString(json).getAsJsonObject();
        Map<String, Double> figures = new HashMap<>();
        point.entrySet().stream()
                .filter(entry -> entry.getValue().getAsJsonPrimitive().isNumber())
                .forEach(entry -> figures.put(entry.getKey(), entry.getValue().getAsDouble()));
        double initiator = point.get("cpu_s_per_gb").getAsDouble();
        double target = point.get("target_cpu_s_per_gb").getAsDouble();
        figures.put(Sample.CPU, initiator + target);
        // a checksum costs its sender what a slow phase would: such a pair is judged by the one without
        if (leases == Leases.STANDING && batch > 1 && checksum.equals("off")) {
            figures.put(Sample.SENDER_CPU, operation.equals("write") ? initiator : target);
        }
        return new Sample(figures);
    }
}
