package io.kvferry.conformance;

import io.kvferry.spi.TransferErrorCode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What goes wrong and when: a fake asks at each of its entry points, the plan answers with an action.
 *
 * <p>A point is a name that the fake documents, such as {@code register}, {@code submit} or {@code prepare.reply}. Actions
 * are addressed by point and occurrence, or by point and probability; the probabilities are drawn from a seed, so that the
 * same plan on the same sequence of calls does the same again. {@code -Dkvferry.conformance.seed} sets the seed of {@link
 * #seeded()}; a plan prints its seed, and failing tests print the plan.
 *
 * <p>A fake handles the actions that make sense at a point and treats any other as {@link Pass}.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class FaultPlan {
    private static final AtomicLong SEEDS = new AtomicLong(Seed.base());

    private final long seed;
    private final Object lock = new Object();
    // guarded by lock
    private final List<Rule> rules = new ArrayList<>();
    private final Map<String, Long> counts = new TreeMap<>();
    private long randomState;

    private volatile boolean idle = true;

    private FaultPlan(long seed) {
        this.seed = seed;
        this.randomState = seed;
    }

    /**
     * Makes an empty plan with a seed derived from {@code kvferry.conformance.seed}.
     *
     * @return a plan in which nothing goes wrong until actions are added
     */
    public static FaultPlan seeded() {
        return new FaultPlan(SEEDS.getAndIncrement());
    }

    /**
     * Makes an empty plan.
     *
     * @param seed what probabilities are drawn from
     * @return a plan in which nothing goes wrong until actions are added
     */
    public static FaultPlan seeded(long seed) {
        return new FaultPlan(seed);
    }

    /** What a fake does at a point. */
    public sealed interface Action {
        /** Nothing goes wrong. */
        Action PASS = new Pass();
        /** It never arrives. */
        Action DROP = new Drop();
        /** It arrives after its successor at the same point. */
        Action REORDER = new Reorder();
        /** It arrives twice. */
        Action DUPLICATE = new Duplicate();
        /** Bytes of it change on the way. */
        Action CORRUPT = new Corrupt();
        /** The process is gone from here on. */
        Action DIE = new Die();
        /** Half of it happens. */
        Action HALF = new Partial(0.5);
        /** Of a stream: no byte goes this way any more, in good order. The other way goes on. */
        Action HALF_CLOSE = new HalfClose();

        /**
         * It happens later.
         *
         * @param duration how much, on the clock of the engine under test
         * @return the action
         */
        static Action delay(Duration duration) {
            return new Delay(duration);
        }

        /**
         * Of a stream: bytes trickle from here on.
         *
         * @param bytesPerSecond how many, on the clock of the engine under test
         * @return the action
         */
        static Action throttle(long bytesPerSecond) {
            return new Throttle(bytesPerSecond);
        }

        /**
         * It is held until the test opens the gate: a frozen process, a late completion.
         *
         * @param gate where it waits
         * @return the action
         */
        static Action freeze(Gate gate) {
            return new Freeze(gate);
        }

        /**
         * It is refused: a registration, an allocation, a connection, a message.
         *
         * @param code with what
         * @return the action
         */
        static Action refuse(TransferErrorCode code) {
            return new Refuse(code);
        }
    }

    /** Nothing goes wrong. */
    public record Pass() implements Action {}

    /** It never arrives. */
    public record Drop() implements Action {}

    /**
     * It happens later.
     *
     * @param duration how much, on the clock of the engine under test
     */
    public record Delay(Duration duration) implements Action {}

    /** It arrives after its successor at the same point. */
    public record Reorder() implements Action {}

    /** It arrives twice. */
    public record Duplicate() implements Action {}

    /**
     * Only a part of it happens.
     *
     * @param share of the bytes or blocks, from 0 to 1
     */
    public record Partial(double share) implements Action {}

    /** Bytes of it change on the way. */
    public record Corrupt() implements Action {}

    /** Of a stream: no byte goes this way any more, in good order. The other way goes on. */
    public record HalfClose() implements Action {}

    /**
     * Of a stream: bytes trickle from here on.
     *
     * @param bytesPerSecond how many, on the clock of the engine under test
     */
    public record Throttle(long bytesPerSecond) implements Action {}

    /**
     * It is held until a test opens the gate.
     *
     * @param gate where it waits
     */
    public record Freeze(Gate gate) implements Action {}

    /** The process is gone from here on. */
    public record Die() implements Action {}

    /**
     * It is refused.
     *
     * @param code with what
     */
    public record Refuse(TransferErrorCode code) implements Action {}

    /**
     * Does something at one occurrence of a point.
     *
     * @param point the entry point
     * @param occurrence counted from now on, the next one being 1
     * @param action what to do
     * @return this
     */
    public FaultPlan on(String point, long occurrence, Action action) {
        if (occurrence < 1) {
            throw new IllegalArgumentException("occurrences count from 1, got " + occurrence);
        }
        synchronized (lock) {
            long at = counts.getOrDefault(point, 0L) + occurrence;
            return add(new Rule(point, at, at, 1, action));
        }
    }

    /**
     * Does something at the next occurrence of a point.
     *
     * @param point the entry point
     * @param action what to do
     * @return this
     */
    public FaultPlan onNext(String point, Action action) {
        return on(point, 1, action);
    }

    /**
     * Does something at every occurrence of a point from now on.
     *
     * @param point the entry point
     * @param action what to do
     * @return this
     */
    public FaultPlan always(String point, Action action) {
        return sometimes(point, 1, action);
    }

    /**
     * Does something at some occurrences of a point from now on.
     *
     * @param point the entry point
     * @param probability from 0 to 1
     * @param action what to do
     * @return this
     */
    public FaultPlan sometimes(String point, double probability, Action action) {
        synchronized (lock) {
            return add(new Rule(point, 0, Long.MAX_VALUE, probability, action));
        }
    }

    private FaultPlan add(Rule rule) {
        rules.add(rule);
        idle = false;
        return this;
    }

    /** Lets nothing go wrong any more. */
    public void clear() {
        synchronized (lock) {
            rules.clear();
        }
    }

    /**
     * Asks what happens at a point. The first action added that applies wins.
     *
     * @param point the entry point
     * @return the action, {@link Action#PASS} as a rule
     */
    public Action next(String point) {
        if (idle) {
            return Action.PASS;
        }
        synchronized (lock) {
            return decide(point, counts.merge(point, 1L, Long::sum));
        }
    }

    private Action decide(String point, long occurrence) {
        for (Rule rule : rules) {
            if (rule.point.equals(point)
                    && occurrence >= rule.first
                    && occurrence <= rule.last
                    && (rule.probability >= 1 || draw() < rule.probability)) {
                return rule.action;
            }
        }
        return Action.PASS;
    }

    /**
     * Asks what happens to a piece of a stream, at a point of which each byte is an occurrence. Bytes behind the one that
     * something happens to are not counted: they are asked about again.
     *
     * @param point the entry point
     * @param bytes how many there are
     * @return how many bytes pass untouched, and what happens at the next one
     */
    public Hit next(String point, int bytes) {
        if (idle) {
            return new Hit(bytes, Action.PASS);
        }
        synchronized (lock) {
            long before = counts.getOrDefault(point, 0L);
            Hit first = new Hit(bytes, Action.PASS);
            for (Rule rule : rules) {
                long at = rule.point.equals(point) ? firstIn(rule, before, first.untouched) : -1;
                if (at >= 0) {
                    first = new Hit((int) at, rule.action);
                }
            }
            counts.put(point, before + first.untouched + (first.action instanceof Pass ? 0 : 1));
            return first;
        }
    }

    /** How many of the next bytes come before the one that a rule picks, or -1 where it picks none of them. */
    private long firstIn(Rule rule, long before, int bytes) {
        if (rule.probability < 1) {
            // how many misses come before a hit, in one draw
            double misses = Math.log(1 - draw()) / Math.log(1 - rule.probability);
            return misses < bytes ? (long) misses : -1;
        }
        long at = Math.max(0, rule.first - before - 1);
        return at < bytes && before + 1 + at <= rule.last ? at : -1;
    }

    /**
     * What happens to a piece of a stream.
     *
     * @param untouched how many bytes pass
     * @param action what happens at the byte behind them; {@link Action#PASS} where all pass
     */
    public record Hit(int untouched, Action action) {}

    /**
     * Returns how often a point was passed since the first action was added.
     *
     * @param point the entry point
     * @return occurrences
     */
    public int occurrences(String point) {
        synchronized (lock) {
            return Math.toIntExact(counts.getOrDefault(point, 0L));
        }
    }

    /**
     * Returns what probabilities are drawn from.
     *
     * @return the seed
     */
    public long seed() {
        return seed;
    }

    @Override
    public String toString() {
        synchronized (lock) {
            return "fault plan, seed " + seed + ", " + rules + ", passed " + counts;
        }
    }

    /** SplitMix64. */
    private double draw() {
        randomState += 0x9E3779B97F4A7C15L;
        long z = randomState;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return ((z ^ (z >>> 31)) >>> 11) * 0x1.0p-53;
    }

    private record Rule(String point, long first, long last, double probability, Action action) {}
}
