package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class FakeTickerTest {
    private final FakeTicker ticker = new FakeTicker();
    private final List<String> ran = new ArrayList<>();

    @Test
    void tasksRunInTheOrderOfTheirDeadlinesAndOfSchedulingWhereThoseAreEqual() {
        at(3, "third");
        at(1, "first");
        at(2, "second");
        at(2, "second, scheduled later");
        ticker.advance(Duration.ofMillis(2));
        assertThat(ran).containsExactly("first", "second", "second, scheduled later");
        ticker.advance(Duration.ofMillis(1));
        assertThat(ran).hasSize(4);
    }

    @Test
    void taskSeesTheReadingItWasScheduledFor() {
        Deadline deadline = ticker.in(Duration.ofMillis(5));
        ticker.scheduler().schedule(deadline, () -> ran.add("remaining " + deadline.remainingNanos()));
        ticker.advance(Duration.ofSeconds(1));
        assertThat(ran).containsExactly("remaining 0");
        assertThat(deadline.remainingNanos()).isEqualTo(Duration.ofMillis(-995).toNanos());
    }

    @Test
    void taskScheduledByATaskRunsInTheSameAdvanceWhenItIsDueInIt() {
        ticker.scheduler().schedule(ticker.in(Duration.ofMillis(1)), () -> at(1, "chained"));
        ticker.advance(Duration.ofMillis(2));
        assertThat(ran).containsExactly("chained");
    }

    @Test
    void cancelledTaskDoesNotRunAndIsForgotten() {
        Scheduler.Scheduled scheduled = at(1, "never");
        assertThat(scheduled.cancel()).isTrue();
        assertThat(scheduled.cancel()).isFalse();
        assertThat(ticker.pendingTasks()).isZero();
        ticker.advance(Duration.ofSeconds(1));
        assertThat(ran).isEmpty();
    }

    @Test
    void taskThatIsDueAlreadyRunsWithoutAnyAdvanceButNotInsideTheCall() throws InterruptedException {
        CountDownLatch done = new CountDownLatch(1);
        Thread[] runner = new Thread[1];
        ticker.scheduler().schedule(ticker.in(Duration.ZERO), () -> {
            runner[0] = Thread.currentThread();
            done.countDown();
        });
        assertThat(done.await(10, TimeUnit.SECONDS)).isTrue();
        assertThat(runner[0]).isNotSameAs(Thread.currentThread());
    }

    @Test
    void timeStandsStillUnlessAdvancedAndNeverGoesBack() {
        long before = ticker.nanos();
        assertThat(ticker.nanos()).isEqualTo(before);
        assertThatThrownBy(() -> ticker.advance(Duration.ofNanos(-1))).isInstanceOf(IllegalArgumentException.class);
        ticker.advance(Duration.ofNanos(7));
        assertThat(ticker.nanos()).isEqualTo(before + 7);
    }

    @Test
    void advanceToNextStopsAtEachTaskAndSaysWhenThereIsNone() {
        at(10, "a");
        at(90, "b");
        assertThat(ticker.advanceToNext()).isTrue();
        assertThat(ran).containsExactly("a");
        assertThat(ticker.advanceToNext()).isTrue();
        assertThat(ticker.advanceToNext()).isFalse();
    }

    @Test
    void deadlineOfAnotherClockIsRefused() {
        assertThatThrownBy(() -> ticker.scheduler().schedule(Deadline.after(Duration.ZERO), () -> {}))
                .hasMessageContaining("another clock");
    }

    private Scheduler.Scheduled at(long millis, String name) {
        return ticker.scheduler().schedule(ticker.in(Duration.ofMillis(millis)), () -> ran.add(name));
    }
}
