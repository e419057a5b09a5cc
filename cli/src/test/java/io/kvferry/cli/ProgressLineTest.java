package io.kvferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ProgressLineTest {
    private final StringWriter shown = new StringWriter();
    private final AtomicLong now = new AtomicLong();

    @Test
    void awayFromATerminalALineComesEveryFewSecondsWithoutControlCharacters() {
        ProgressLine progress = new ProgressLine(new PrintWriter(shown), "a.bin", false, now::get);
        for (int second = 1; second <= 11; second++) {
            now.addAndGet(Duration.ofSeconds(1).toNanos());
            progress.at(second << 20, 20 << 20);
        }
        progress.end();

        assertThat(shown.toString().lines())
                .containsExactly("a.bin: 5 MiB of 20 MiB, 1 MiB/s", "a.bin: 10 MiB of 20 MiB, 1 MiB/s");
    }

    @Test
    void onATerminalABarMovesAndIsGoneAtTheEnd() {
        ProgressLine progress = new ProgressLine(new PrintWriter(shown), "a.bin", true, now::get);
        now.addAndGet(Duration.ofSeconds(1).toNanos());
        progress.at(10 << 20, 20 << 20);
        progress.end();

        assertThat(shown.toString())
                .contains("a.bin [" + "=".repeat(15) + " ".repeat(15) + "] 10 MiB of 20 MiB, 10 MiB/s")
                .endsWith("\r\u001B[K");
    }
}
