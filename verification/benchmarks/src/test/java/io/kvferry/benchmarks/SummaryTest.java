package io.kvferry.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;

class SummaryTest {
    @Test
    void theMedianIsTheMiddleOneOrTheMeanOfTheMiddleTwo() {
        assertThat(Summary.of(DoubleStream.of(9, 1, 2))).isEqualTo(new Summary(2, 1, 9));
        assertThat(Summary.of(DoubleStream.of(9, 1, 2, 4))).isEqualTo(new Summary(3, 1, 9));
    }

    @Test
    void nothingMeasuredIsShownAsNothing() {
        assertThat(Summary.of(DoubleStream.empty())).hasToString("-");
    }

    @Test
    void threeDigitsAreShown() {
        assertThat(Summary.of(DoubleStream.of(0.1234, 12.34, 1234.5))).hasToString("12.3 [0.123..1235]");
    }
}
