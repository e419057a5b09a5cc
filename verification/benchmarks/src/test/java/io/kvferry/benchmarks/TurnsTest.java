package io.kvferry.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.benchmarks.RowResult.Verdict;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TurnsTest {
    private static final Check AT_LEAST = Check.ratioAtLeast(Sample.BANDWIDTH, "GB/s", 0.75);

    private final List<String> order = new ArrayList<>();

    private Measurement measurement(String name, Sample... samples) {
        Deque<Sample> left = new ArrayDeque<>(List.of(samples));
        return () -> {
            order.add(name);
            // the last one repeats
            return left.size() > 1 ? left.remove() : left.element();
        };
    }

    private static Sample sample(double gigabytesPerSecond, double senderCpu) {
        return new Sample(Map.of(Sample.BANDWIDTH, gigabytesPerSecond, Sample.SENDER_CPU, senderCpu));
    }

    private RowResult run(int pairs, int maxSlow, Measurement ours, Measurement peer) throws IOException {
        Row row = new Row("row", "a row", ours, "peer", peer, List.of(AT_LEAST), false);
        PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream());
        return new Turns(pairs, maxSlow, measurement("copy", sample(10, 0)), nowhere).run(row);
    }

    @Test
    void oursAndThePeerRunInTurns() throws IOException {
        run(2, 0, measurement("ours", sample(4, 0.2)), measurement("peer", sample(5, 0.2)));

        assertThat(order).containsExactly("ours", "peer", "copy", "ours", "peer", "copy");
    }

    @Test
    void whatIsKeptRunningEndsWithTheRow() throws IOException {
        Measurement kept = new Measurement() {
            @Override
            public Sample run() {
                order.add("run");
                return sample(4, 0.2);
            }

            @Override
            public void end() {
                order.add("end");
            }
        };
        run(2, 0, kept, measurement("peer", sample(5, 0.2)));

        assertThat(order).containsExactly("run", "peer", "copy", "run", "peer", "copy", "end");
    }

    @Test
    void aPairInASlowPhaseIsKeptAndRunAgain() throws IOException {
        RowResult result = run(
                3,
                5,
                measurement("ours", sample(1, 0.31), sample(4, 0.2)),
                measurement("peer", sample(5, 0.2), sample(1, 0.6), sample(5, 0.3)));

        assertThat(result.pairs()).hasSize(5);
        assertThat(result.slowPairs()).isEqualTo(2);
        assertThat(result.ours(AT_LEAST)).isEqualTo(new Summary(4, 4, 4));
        assertThat(result.ratioOfMedians(AT_LEAST)).isEqualTo(0.8);
        assertThat(result.allPairRatios(AT_LEAST)).isEqualTo(new Summary(0.8, 0.2, 4));
        assertThat(result.verdict(AT_LEAST)).isEqualTo(Verdict.MET);
    }

    @Test
    void aRowOfOnlySlowPairsEndsUnsettled() throws IOException {
        RowResult result = run(3, 4, measurement("ours", sample(5, 0.5)), measurement("peer", sample(5, 0.5)));

        assertThat(result.pairs()).hasSize(5);
        assertThat(result.verdict(AT_LEAST)).isEqualTo(Verdict.UNSETTLED);
        assertThat(Report.table(List.of(result))).contains("unsettled", "5/5");
    }

    @Test
    void aTargetIsMetOnlyIfBothRatiosMeetIt() throws IOException {
        RowResult result = run(
                3,
                0,
                measurement("ours", sample(4, 0.1), sample(7, 0.1), sample(8, 0.1)),
                measurement("peer", sample(8, 0.1), sample(10, 0.1), sample(9, 0.1)));

        assertThat(result.ratioOfMedians(AT_LEAST)).isGreaterThan(0.75);
        assertThat(result.pairRatios(AT_LEAST).median()).isLessThan(0.75);
        assertThat(result.verdict(AT_LEAST)).isEqualTo(Verdict.NOT_MET);
    }

    @Test
    void aFigureThatIsAbsentMeetsNothing() throws IOException {
        RowResult result = run(1, 0, measurement("ours", new Sample(Map.of())), measurement("peer", sample(5, 0.1)));

        assertThat(result.verdict(AT_LEAST)).isEqualTo(Verdict.NOT_MET);
        assertThat(result.verdict(Check.atMost("absent", "x", 1))).isEqualTo(Verdict.NOT_MET);
    }
}
