package io.kvferry.conformance;

import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Long random sequences of verbs and faults, against a simple model of the contract.
 *
 * <p>A run plays {@code -Dkvferry.conformance.sequences} of them, a few unless set. A failure names its sequence and what
 * was asked in it: {@code -Dkvferry.conformance.seed} plays all again, {@code -Dkvferry.conformance.first-sequence} begins
 * with that one. What is asked for, and what goes wrong, depends on the seed alone; how threads meet does not.
 *
 * @since 0.1.0
 */
@Tag("model")
public abstract class ModelConformanceTest extends ConformanceSuite {
    private static final int FIRST = Integer.getInteger("kvferry.conformance.first-sequence", 0);
    private static final int SEQUENCES = Integer.getInteger("kvferry.conformance.sequences", 6);

    /**
     * Makes the suite.
     *
     * @param harness what is tested
     */
    protected ModelConformanceTest(BackendHarness harness) {
        super(harness);
    }

    /** Whatever is asked and goes wrong, in whatever order, each transfer ends as the contract allows, and nothing stays. */
    @Test
    @Timeout(value = 2, unit = TimeUnit.DAYS)
    public final void stochastic_R19_5_anySequenceOfVerbsAndFaultsEndsAsTheContractAllows() {
        for (int sequence = FIRST; sequence < FIRST + SEQUENCES; sequence++) {
            Bed fresh = new Bed(harness());
            ModelRun run = new ModelRun(fresh, harness(), new Random(random().nextLong() + sequence));
            try {
                run.play();
                close(fresh);
            } catch (Throwable e) {
                fresh.nodes().forEach(Node::abort);
                throw new AssertionError(
                        "sequence " + sequence + " (-Dkvferry.conformance.first-sequence=" + sequence + "): "
                                + e.getMessage() + "; what was asked:\n" + run.log(),
                        e);
            }
        }
    }
}
