package io.kvferry.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler.Scheduled;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SystemSchedulerTest {
    private final Ticker ticker = Ticker.system();
    private final SystemScheduler scheduler = new SystemScheduler(ticker, "timer-under-test");

    @AfterEach
    void close() {
        scheduler.close();
        assertThat(scheduler.awaitEnd(in(5_000))).isTrue();
    }

    private Deadline in(long millis) {
        return Deadline.after(Duration.ofMillis(millis), ticker);
    }

    @Test
    void tasksRunInTheOrderOfTheirDeadlinesWhateverTheOrderOfScheduling() throws Exception {
        Random random = new Random(7);
        ConcurrentLinkedQueue<Long> ran = new ConcurrentLinkedQueue<>();
        CountDownLatch all = new CountDownLatch(200);
        // far enough away that all are scheduled before the first is due
        long base = ticker.nanos() + TimeUnit.MILLISECONDS.toNanos(200);
        for (int i = 0; i < 200; i++) {
            long at = base + random.nextInt(50_000_000);
            scheduler.schedule(Deadline.atNanos(at, ticker), () -> {
                ran.add(at);
                all.countDown();
            });
        }
        assertThat(all.await(10, TimeUnit.SECONDS)).isTrue();
        assertThat(List.copyOf(ran)).isSorted();
    }

    @Test
    void cancelledTasksNeverRunAndAreForgotten() throws Exception {
        Random random = new Random(11);
        List<Scheduled> cancelled = new ArrayList<>();
        ConcurrentLinkedQueue<String> ran = new ConcurrentLinkedQueue<>();
        CountDownLatch kept = new CountDownLatch(100);
        for (int i = 0; i < 1_000; i++) {
            Deadline when = in(100 + random.nextInt(100));
            if (i % 10 == 0) {
                scheduler.schedule(when, kept::countDown);
            } else {
                cancelled.add(scheduler.schedule(when, () -> ran.add("cancelled task")));
            }
        }
        assertThat(cancelled).allMatch(Scheduled::cancel);
        assertThat(cancelled).noneMatch(Scheduled::cancel);
        assertThat(kept.await(10, TimeUnit.SECONDS)).isTrue();
        assertThat(ran).isEmpty();
    }

    @Test
    void anEarlierDeadlineWakesTheSleepingThread() throws Exception {
        scheduler.schedule(in(3_600_000), () -> {});
        CountDownLatch soon = new CountDownLatch(1);
        scheduler.schedule(in(1), soon::countDown);
        assertThat(soon.await(10, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void aTaskThatFailsDoesNotEndTheTimer() throws Exception {
        scheduler.schedule(in(0), () -> {
            throw new IllegalStateException("on purpose");
        });
        CountDownLatch after = new CountDownLatch(1);
        scheduler.schedule(in(1), after::countDown);
        assertThat(after.await(10, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void afterCloseSchedulingIsRefused() {
        scheduler.close();
        assertThatThrownBy(() -> scheduler.schedule(in(1), () -> {}))
                .isInstanceOfSatisfying(
                        TransferException.class, e -> assertThat(e.code()).isEqualTo(TransferErrorCode.SHUTTING_DOWN));
    }
}
