package io.kvferry.conformance;

import io.kvferry.conformance.FaultPlan.Action;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What was asked of a {@link FaultPlan}, and how far each of its points has come. Guarded by the plan's lock. */
final class FaultRules {
    private final List<Rule> rules = new ArrayList<>();
    private final Map<String, Long> counts = new TreeMap<>();
    private final Map<Class<? extends Action>, Integer> taken = new HashMap<>();
    private long randomState;

    /**
     * An action at some occurrences of a point.
     *
     * @param first the first of them, from 1
     * @param last the last of them
     * @param probability that it happens at one of them
     */
    record Rule(String point, long first, long last, double probability, Action action) {}

    /**
     * What happens to a piece of a stream.
     *
     * @param untouched how many bytes pass
     * @param action what happens at the byte behind them; {@link Action#PASS} where all pass
     */
    record Hit(int untouched, Action action) {}

    FaultRules(long seed) {
        this.randomState = seed;
    }

    void add(Rule rule) {
        rules.add(rule);
    }

    void clear() {
        rules.clear();
    }

    long passed(String point) {
        return counts.getOrDefault(point, 0L);
    }

    int taken(Class<? extends Action> kind) {
        return taken.getOrDefault(kind, 0);
    }

    Action next(String point) {
        long occurrence = counts.merge(point, 1L, Long::sum);
        for (Rule rule : rules) {
            if (rule.point.equals(point)
                    && occurrence >= rule.first
                    && occurrence <= rule.last
                    && (rule.probability >= 1 || draw() < rule.probability)) {
                taken.merge(rule.action.getClass(), 1, Integer::sum);
                return rule.action;
            }
        }
        return Action.PASS;
    }

    Hit next(String point, int bytes) {
        long before = passed(point);
        Hit first = new Hit(bytes, Action.PASS);
        for (Rule rule : rules) {
            long at = rule.point.equals(point) ? firstIn(rule, before, first.untouched()) : -1;
            if (at >= 0) {
                first = new Hit((int) at, rule.action);
            }
        }
        counts.put(point, before + first.untouched() + (first.action() instanceof FaultPlan.Pass ? 0 : 1));
        return first;
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

    /** SplitMix64. */
    private double draw() {
        randomState += 0x9E3779B97F4A7C15L;
        long z = randomState;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return ((z ^ (z >>> 31)) >>> 11) * 0x1.0p-53;
    }

    @Override
    public String toString() {
        return rules + ", passed " + counts;
    }
}
