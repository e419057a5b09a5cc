package io.kvferry.benchmarks;

import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;

/**
 * Runs a row in turns (ours, peer, ours, peer, ...), and again where the machine was in a slow phase.
 *
 * <p>Threads: confined to the thread that uses it.
 */
final class Turns {
    private final int pairs;
    private final int maxSlow;
    private final Measurement copy;
    private final PrintStream progress;

    /**
     * Takes the bounds.
     *
     * @param pairs how many pairs outside a slow phase are wanted
     * @param maxSlow how many slow ones are run again before giving up
     * @param copy a plain memory copy
     * @param progress takes a line for each pair
     */
    Turns(int pairs, int maxSlow, Measurement copy, PrintStream progress) {
        this.pairs = pairs;
        this.maxSlow = maxSlow;
        this.copy = copy;
        this.progress = progress;
    }

    RowResult run(Row row) throws IOException {
        try {
            return pairs(row);
        } finally {
            row.ours().end();
            Measurement peer = row.peer();
            if (peer != null) {
                peer.end();
            }
        }
    }

    private RowResult pairs(Row row) throws IOException {
        int wanted = row.once() ? 1 : pairs;
        List<Pair> done = new ArrayList<>();
        int slow = 0;
        while (done.size() - slow < wanted && slow <= maxSlow) {
            Pair pair = pair(row);
            done.add(pair);
            if (pair.isSlow()) {
                slow++;
            }
            progress.println(line(row, done.size(), pair));
        }
        return new RowResult(row, wanted, done);
    }

    private Pair pair(Row row) throws IOException {
        Sample ours = row.ours().run();
        Measurement peer = row.peer();
        if (peer == null) {
            return new Pair(ours, null, Double.NaN);
        }
        return new Pair(ours, peer.run(), copy.run().figure(Sample.BANDWIDTH));
    }

    private static String line(Row row, int number, Pair pair) {
        StringBuilder line = new StringBuilder("  " + row.name() + " #" + number + ":");
        for (Check check : row.checks()) {
            line.append(" ").append(check.figure()).append(" ").append(Summary.digits(pair.ours(check)));
            if (check.againstPeer()) {
                line.append(" / ").append(Summary.digits(pair.peer(check)));
                line.append(" = ").append(Summary.digits(pair.ratio(check)));
            }
        }
        return pair.isSlow() ? line + "  (slow phase, runs again)" : line.toString();
    }
}
