package io.kvferry.benchmarks;

import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * All pairs of a row and what they say.
 *
 * @param row the row
 * @param wanted how many pairs outside a slow phase were wanted
 * @param pairs every pair that ran, slow ones included, in order
 */
record RowResult(Row row, int wanted, List<Pair> pairs) {
    /** What the pairs say about one check. */
    enum Verdict {
        MET,
        NOT_MET,
        /** Too few pairs lay outside a slow phase. */
        UNSETTLED
    }

    RowResult {
        pairs = List.copyOf(pairs);
    }

    long slowPairs() {
        return pairs.stream().filter(Pair::isSlow).count();
    }

    Summary ours(Check check) {
        return quiet(pair -> pair.ours(check));
    }

    Summary peer(Check check) {
        return quiet(pair -> pair.peer(check));
    }

    double ratioOfMedians(Check check) {
        return ours(check).median() / peer(check).median();
    }

    Summary pairRatios(Check check) {
        return quiet(pair -> pair.ratio(check));
    }

    /** The same over all pairs, slow ones included. */
    Summary allPairRatios(Check check) {
        return Summary.of(pairs.stream().mapToDouble(pair -> pair.ratio(check)));
    }

    /** Both ways to look at a ratio must agree, so that a lucky pairing does not pass. */
    Verdict verdict(Check check) {
        if (pairs.size() - slowPairs() < wanted) {
            return Verdict.UNSETTLED;
        }
        boolean met = check.againstPeer()
                ? check.isMet(ratioOfMedians(check))
                        && check.isMet(pairRatios(check).median())
                : check.isMet(ours(check).median());
        return met ? Verdict.MET : Verdict.NOT_MET;
    }

    private Summary quiet(ToDoubleFunction<Pair> figure) {
        return Summary.of(pairs.stream().filter(pair -> !pair.isSlow()).mapToDouble(figure));
    }
}
