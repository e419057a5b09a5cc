package io.kvferry.spi;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DeadlineTest {
    @ParameterizedTest
    @ValueSource(longs = {0, 1_000_000, Long.MAX_VALUE - 5, Long.MIN_VALUE, -7})
    void passesExactlyWhenItsTimeHasComeWhateverTheClockReads(long start) {
        FakeTicker ticker = new FakeTicker(start);
        Deadline deadline = Deadline.after(Duration.ofNanos(10), ticker);

        assertThat(deadline.remainingNanos()).isEqualTo(10);
        ticker.advance(9);
        assertThat(deadline.isExpired()).isFalse();
        ticker.advance(1);
        assertThat(deadline.isExpired()).isTrue();
        assertThat(deadline.remainingNanos()).isZero();
        ticker.advance(5);
        assertThat(deadline.remainingNanos()).isEqualTo(-5);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, Long.MAX_VALUE, Long.MIN_VALUE})
    void theFarthestTimesNeitherOverflowNorComeEarly(long start) {
        FakeTicker ticker = new FakeTicker(start);
        Deadline far = Deadline.after(Duration.ofSeconds(Long.MAX_VALUE), ticker);
        Deadline past = Deadline.afterNanos(Long.MIN_VALUE, ticker);

        assertThat(far.isExpired()).isFalse();
        assertThat(Duration.ofNanos(far.remainingNanos())).isGreaterThan(Duration.ofDays(365 * 100));
        assertThat(past.isExpired()).isTrue();
        assertThat(far.earlier(past)).isSameAs(past);
        assertThat(past.earlier(far)).isSameAs(past);
    }

    @Test
    void zeroAndNegativeTimesHavePassed() {
        assertThat(Deadline.after(0, TimeUnit.SECONDS).isExpired()).isTrue();
        assertThat(Deadline.after(-1, TimeUnit.DAYS).isExpired()).isTrue();
        assertThat(Deadline.after(Duration.ofMillis(-1)).isExpired()).isTrue();
    }

    @Test
    void theLongestUnitsOfTheSystemClockDoNotOverflow() {
        assertThat(Deadline.after(Long.MAX_VALUE, TimeUnit.DAYS).isExpired()).isFalse();
        assertThat(Deadline.after(Long.MAX_VALUE, TimeUnit.DAYS).ticker()).isSameAs(Ticker.system());
    }

    @Test
    void theSystemClockDoesNotGoBack() {
        long before = Ticker.system().nanos();

        assertThat(Ticker.system().nanos() - before).isNotNegative();
    }

    @Test
    void earlierComparesAcrossTheEndOfTheScale() {
        FakeTicker ticker = new FakeTicker(Long.MAX_VALUE - 1);
        Deadline sooner = Deadline.afterNanos(1, ticker);
        Deadline later = Deadline.afterNanos(10, ticker);

        assertThat(later.atNanos()).isNegative();
        assertThat(sooner.earlier(later)).isSameAs(sooner);
        assertThat(later.earlier(sooner)).isSameAs(sooner);
    }

    @Test
    void equalsMeansTheSamePointOnTheSameClock() {
        FakeTicker ticker = new FakeTicker(5);
        Deadline deadline = Deadline.afterNanos(10, ticker);

        assertThat(deadline)
                .isEqualTo(Deadline.atNanos(15, ticker))
                .hasSameHashCodeAs(Deadline.atNanos(15, ticker))
                .isNotEqualTo(Deadline.atNanos(16, ticker))
                .isNotEqualTo(Deadline.atNanos(15, new FakeTicker(5)));
    }

    @Test
    void textSaysHowFarAway() {
        FakeTicker ticker = new FakeTicker(0);
        Deadline deadline = Deadline.after(Duration.ofMillis(2), ticker);

        assertThat(deadline).hasToString("in 2000 µs");
        ticker.advance(Duration.ofMillis(3).toNanos());
        assertThat(deadline).hasToString("1000 µs ago");
    }
}
