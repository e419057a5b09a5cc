package io.kvferry.cli.bench;

import io.kvferry.cli.message.Fields;
import io.kvferry.engine.Memory;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Measures transfers with a {@link BenchTarget}, point by point.
 *
 * <p><b>Threads:</b> Confined to the thread that uses it; lanes run on threads of its own.
 */
public final class Bench implements AutoCloseable {
    private static final Duration MESSAGE_TIME = Duration.ofSeconds(30);

    private final TransferEngine engine;
    private final PeerAddress target;
    private final BenchSettings settings;
    private final Memory memory;
    private final String session;
    private final Ticker ticker = Ticker.system();

    private Bench(TransferEngine engine, PeerAddress target, BenchSettings settings, Memory memory, String session) {
        this.engine = engine;
        this.target = target;
        this.settings = settings;
        this.memory = memory;
        this.session = session;
    }

    /**
     * Meets the target and takes memory on both sides.
     *
     * @param engine the initiator's
     * @param target where the target's peer control listens
     * @param settings what all points have in common
     * @return a benchmark; the caller closes it before the engine
     * @throws TransferException if the target refuses or cannot be reached
     */
    public static Bench open(TransferEngine engine, PeerAddress target, BenchSettings settings) {
        String session = ask(engine, target, BenchTopics.OPEN, Fields.NONE.with("memory", settings.memoryBytes()))
                .text("session");
        Memory memory = engine.allocate(settings.memoryBytes());
        memory.segment().fill((byte) 0x5a);
        return new Bench(engine, target, settings, memory, session);
    }

    private static Fields ask(TransferEngine engine, PeerAddress target, String topic, Fields request) {
        return Fields.read(engine.notify(target, topic, request.payload(), Deadline.after(MESSAGE_TIME)));
    }

    /**
     * Warms up for one point and measures it.
     *
     * @param point the point
     * @return what it gave
     * @throws TransferException if a transfer fails, or INVALID_REQUEST if the memory is too small for the point
     */
    public BenchResult run(BenchCase point) {
        return warmUp(point).measure();
    }

    /**
     * Runs one point without counting.
     *
     * @param point the point
     * @return the point, to be measured any number of times; not at one time with another one
     * @throws TransferException if a transfer fails, or INVALID_REQUEST if the memory is too small for the point
     */
    public Warm warmUp(BenchCase point) {
        if (point.steps(settings.memoryBytes()) < Math.max(1, settings.pipeline())) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.PREPARE,
                    "block " + point.blockBytes() + " x batch " + point.batch() + " x pipeline " + settings.pipeline()
                            + " x threads " + point.threads() + " is more than --memory " + settings.memoryBytes());
        }
        // Large transfers are so few that the JVM would still compile the control path, on the cores that move bytes,
        // long into the measurement: so half the warm-up is spent on many small ones.
        Duration half = settings.warmUp().dividedBy(2);
        measure(lanes(point.rehearsal()), half);
        List<BenchLane> lanes = lanes(point);
        measure(lanes, half);
        return new Warm(point, lanes);
    }

    /** A point that has been warmed up. */
    public final class Warm {
        private final BenchCase point;
        private final List<BenchLane> lanes;

        private Warm(BenchCase point, List<BenchLane> lanes) {
            this.point = point;
            this.lanes = lanes;
        }

        /**
         * Measures it once.
         *
         * @return what it gave
         * @throws TransferException if a transfer fails
         */
        public BenchResult measure() {
            long targetCpu = targetCpu();
            long ownCpu = ProcessorTime.nanos();
            long start = ticker.nanos();
            Steps times = Bench.this.measure(lanes, settings.duration());
            long nanos = ticker.nanos() - start;
            return new BenchResult(
                    point,
                    engine.backends().getFirst().name(),
                    times.transfers,
                    nanos,
                    BenchResult.Percentiles.of(times.prepare),
                    BenchResult.Percentiles.of(times.submit),
                    BenchResult.Percentiles.of(times.transfer),
                    BenchResult.Percentiles.of(times.finish),
                    ProcessorTime.nanos() - ownCpu,
                    targetCpu() - targetCpu,
                    engine.status().memories());
        }
    }

    private List<BenchLane> lanes(BenchCase point) {
        List<BenchLane> lanes = new ArrayList<>();
        for (int lane = 0; lane < point.threads(); lane++) {
            lanes.add(new BenchLane(engine, target, point, settings, memory, lane, source(point, lane)));
        }
        return lanes;
    }

    private long targetCpu() {
        return ask(engine, target, BenchTopics.CPU, Fields.NONE).number("nanos", 0, Long.MAX_VALUE);
    }

    private BenchLane.LeaseSource source(BenchCase point, int lane) {
        int steps = point.steps(settings.memoryBytes());
        long start = (long) lane * steps * point.transferBytes();
        if (settings.standing()) {
            TransferId only = lease(point, start, steps * point.batch(), 1).getFirst();
            return step -> only;
        }
        return new LeasePerTransfer(point, start, steps);
    }

    /** Asks for leases by the dozen, so that asking does not count. */
    private final class LeasePerTransfer implements BenchLane.LeaseSource {
        private final BenchCase point;
        private final long start;
        private final int steps;
        private final Deque<TransferId> ready = new ArrayDeque<>();

        private LeasePerTransfer(BenchCase point, long start, int steps) {
            this.point = point;
            this.start = start;
            this.steps = steps;
        }

        @Override
        public TransferId lease(int step) {
            if (ready.isEmpty()) {
                int repeat = Math.min(BenchTopics.MAX_REPEAT, steps - step);
                ready.addAll(Bench.this.lease(point, start + step * point.transferBytes(), point.batch(), repeat));
            }
            return ready.remove();
        }
    }

    private List<TransferId> lease(BenchCase point, long offset, int count, int repeat) {
        Fields answer = ask(
                engine,
                target,
                BenchTopics.LEASE,
                Fields.NONE
                        .with("session", session)
                        .with("write", point.operation() == Operation.WRITE ? 1 : 0)
                        .with("offset", offset)
                        .with("block", point.blockBytes())
                        .with("count", count)
                        .with("repeat", repeat)
                        .with("standing", settings.standing() ? 1 : 0));
        List<TransferId> leases = new ArrayList<>();
        for (int i = 0; i < repeat; i++) {
            leases.add(TransferId.parse(answer.text("transfer." + i)));
        }
        return leases;
    }

    private Steps measure(List<BenchLane> lanes, Duration duration) {
        Steps all = new Steps();
        Deadline until = Deadline.after(duration);
        try (ExecutorService threads = Executors.newFixedThreadPool(lanes.size())) {
            List<Future<Steps>> running = lanes.stream()
                    .map(lane -> threads.submit(() -> {
                        Steps times = new Steps();
                        lane.run(until, times);
                        return times;
                    }))
                    .toList();
            for (Future<Steps> lane : running) {
                all.addAll(join(lane, duration.plus(MESSAGE_TIME)));
            }
        }
        return all;
    }

    private static Steps join(Future<Steps> lane, Duration patience) {
        try {
            return lane.get(patience.toNanos(), TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            throw new IllegalStateException(e.getCause());
        } catch (TimeoutException e) {
            throw new TransferException(
                    TransferErrorCode.DEADLINE_EXCEEDED, Stage.TRANSFER, "a thread of the benchmark did not end", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TransferException(TransferErrorCode.CANCELLED, Stage.TRANSFER, "interrupted", e);
        }
    }

    /** Gives the memory of both sides back. */
    @Override
    public void close() {
        try {
            ask(engine, target, BenchTopics.CLOSE, Fields.NONE.with("session", session));
            memory.close();
        } catch (TransferException e) {
            // the target gives its memory back by itself, the engine gives back ours
        }
    }
}
