package io.kvferry.benchmarks;

import java.util.Locale;

/**
 * What a row promises about one figure.
 *
 * @param figure its name in our samples
 * @param peerFigure its name in the peer's samples
 * @param unit what it is counted in
 * @param kind how it is judged
 * @param limit the bound, itself included
 */
record Check(String figure, String peerFigure, String unit, Kind kind, double limit) {
    enum Kind {
        RATIO_AT_LEAST,
        RATIO_AT_MOST,
        VALUE_AT_MOST
    }

    static Check ratioAtLeast(String figure, String unit, double limit) {
        return new Check(figure, figure, unit, Kind.RATIO_AT_LEAST, limit);
    }

    static Check ratioAtMost(String figure, String peerFigure, String unit, double limit) {
        return new Check(figure, peerFigure, unit, Kind.RATIO_AT_MOST, limit);
    }

    static Check atMost(String figure, String unit, double limit) {
        return new Check(figure, figure, unit, Kind.VALUE_AT_MOST, limit);
    }

    boolean againstPeer() {
        return kind != Kind.VALUE_AT_MOST;
    }

    /** An absent figure (NaN) meets nothing. */
    boolean isMet(double value) {
        return kind == Kind.RATIO_AT_LEAST ? value >= limit : value <= limit;
    }

    String target() {
        String sign = kind == Kind.RATIO_AT_LEAST ? ">=" : "<=";
        String number = limit == Math.rint(limit)
                ? String.format(Locale.ROOT, "%.0f", limit)
                : String.format(Locale.ROOT, "%.2f", limit);
        return sign + " " + number + (againstPeer() ? " x" : " " + unit);
    }
}
