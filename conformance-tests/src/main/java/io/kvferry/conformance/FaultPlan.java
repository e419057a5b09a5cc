package io.kvferry.conformance;

import io.kvferry.spi.TransferErrorCode;
import java.time.Duration;
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
    private final FaultRules rules;

    private volatile boolean idle = true;

    private FaultPlan(long seed) {
        this.seed = seed;
        this.rules = new FaultRules(seed);
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
            long at = rules.passed(point) + occurrence;
            return add(new FaultRules.Rule(point, at, at, 1, action));
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
            return add(new FaultRules.Rule(point, 0, Long.MAX_VALUE, probability, action));
        }
    }

    private FaultPlan add(FaultRules.Rule rule) {
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
            return rules.next(point);
        }
    }

    /**
     * Asks what happens to a piece of a stream, at a point of which each byte is an occurrence. Bytes behind the one that
     * something happens to are not counted: they are asked about again.
     */
    FaultRules.Hit next(String point, int bytes) {
        if (idle) {
            return new FaultRules.Hit(bytes, Action.PASS);
        }
        synchronized (lock) {
            return rules.next(point, bytes);
        }
    }

    /**
     * Returns how often a point was passed since the first action was added.
     *
     * @param point the entry point
     * @return occurrences
     */
    public int occurrences(String point) {
        synchronized (lock) {
            return Math.toIntExact(rules.passed(point));
        }
    }

    /**
     * Returns how often actions of a kind were taken, at any point.
     *
     * @param kind such as {@link Drop}
     * @return how many there were
     */
    public int taken(Class<? extends Action> kind) {
        synchronized (lock) {
            return rules.taken(kind);
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
            return "fault plan, seed " + seed + ", " + rules;
        }
    }
}
