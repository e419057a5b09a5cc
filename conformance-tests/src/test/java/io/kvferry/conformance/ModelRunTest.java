package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.SimpleBackend.Flaw;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Random sequences leave a sound backend alone, and find what is wrong with others. */
class ModelRunTest {
    private static final int ENOUGH = 60;

    @AfterEach
    void waitAsUsual() {
        Await.patience(null);
    }

    @Test
    void soundBackendPasses() {
        BackendHarness harness = BackendHarness.of(SimpleBackend.provider(null));
        for (int seed = 0; seed < 5; seed++) {
            Bed bed = new Bed(harness);
            new ModelRun(bed, harness, new Random(seed)).play();
            ConformanceSuite.close(bed);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Flaw.class,
            names = {"WRITES_AFTER_FINISH", "NEVER_QUIESCENT"})
    void flawIsFoundInTheEnd(Flaw flaw) {
        Await.patience(Duration.ofMillis(1000));
        BackendHarness harness = BackendHarness.of(SimpleBackend.provider(flaw));
        assertThat(anySequenceFails(harness)).as(flaw + " is found").isTrue();
    }

    private static boolean anySequenceFails(BackendHarness harness) {
        for (int seed = 0; seed < ENOUGH; seed++) {
            Bed bed = new Bed(harness);
            try {
                new ModelRun(bed, harness, new Random(seed)).play();
                ConformanceSuite.close(bed);
            } catch (AssertionError found) {
                bed.nodes().forEach(Node::abort);
                return true;
            }
        }
        return false;
    }
}
