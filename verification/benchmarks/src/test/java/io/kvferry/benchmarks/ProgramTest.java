package io.kvferry.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProgramTest {
    private static final Duration PLENTY = Duration.ofSeconds(20);

    @TempDir
    private Path folder;

    @Test
    void whatItPrintsIsReturned() throws IOException {
        assertThat(Program.run(folder, List.of("echo", "a", "b c"), PLENTY)).isEqualTo("a b c\n");
    }

    @Test
    void aBadEndSaysWhy() {
        assertThatThrownBy(() -> Program.run(folder, List.of("sh", "-c", "echo no room >&2; exit 4"), PLENTY))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("exit code 4")
                .hasMessageContaining("no room");
    }

    @Test
    void itAnswersOncePerQuestion() throws IOException {
        List<String> counts = List.of("sh", "-c", "n=0; while read line; do n=$((n + 1)); echo answer $n; done");
        try (Program program = Program.start(folder, counts)) {
            assertThat(program.ask(PLENTY)).isEqualTo("answer 1");
            assertThat(program.ask(PLENTY)).isEqualTo("answer 2");
        }
    }

    @Test
    void aProgramThatDoesNotAnswerSaysWhatItComplainedOf() throws IOException {
        try (Program program = Program.start(folder, List.of("sh", "-c", "read line; echo lost >&2"))) {
            assertThatThrownBy(() -> program.ask(PLENTY))
                    .hasMessageContaining("did not answer")
                    .hasMessageContaining("lost");
        }
    }

    @Test
    void aProgramPastItsTimeIsEndedWithWhatItStarted() throws IOException {
        List<Long> ids;
        try (Program program = Program.start(folder, List.of("sh", "-c", "tail -f /dev/null & echo up; wait"))) {
            do {
                assertThat(program.endsWithin(Duration.ofMillis(20))).isFalse();
            } while (!program.output().contains("up"));
            ids = program.ids();
            assertThatThrownBy(() -> program.result(Duration.ofMillis(1))).hasMessageContaining("did not end");
        }

        assertThat(ids).hasSize(2);
        assertThat(ids)
                .allSatisfy(id -> ProcessHandle.of(id)
                        .ifPresent(process -> assertThat(process.onExit()).succeedsWithin(PLENTY)));
    }
}
