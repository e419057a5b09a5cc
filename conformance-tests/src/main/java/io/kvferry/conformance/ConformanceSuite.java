package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.engine.Lease;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferRequest;
import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.opentest4j.TestAbortedException;

/**
 * What the suites of all topics share: a fresh pair of engines for each test, and after each test the proof that neither
 * the backend nor the engine broke a promise or kept anything.
 *
 * <p><b>Threads:</b> confined to JUnit's thread.
 *
 * @since 0.1.0
 */
@ExtendWith({NoSilentSkips.class, SeedOnFailure.class, ConformanceReport.class})
@Timeout(60)
public abstract class ConformanceSuite {
    static final List<Operation> BOTH = List.of(Operation.WRITE, Operation.READ);
    /** Key of the entry that a test publishes when what it is about is not declared. */
    static final String REFUSED = "kvferry.refused";

    private final BackendHarness harness;
    private String testName = "";
    private boolean refused;
    private @Nullable TestReporter reporter;
    private @Nullable Bed bed;

    ConformanceSuite(BackendHarness harness) {
        this.harness = harness;
    }

    /**
     * Returns what is tested.
     *
     * @return the harness given at the start
     */
    public final BackendHarness harness() {
        return harness;
    }

    @BeforeEach
    final void checkEnvironment(TestInfo test, TestReporter published) {
        reporter = published;
        testName = test.getTestMethod().orElseThrow().getName();
        if (harness.provider().probe(BackendConfig.DEFAULTS) instanceof Availability.Unavailable no) {
            throw new TestAbortedException(NoSilentSkips.environment(no.reason() + "; " + no.fix()));
        }
    }

    /** Says in reports that what this test is about is not declared, and was refused as it must be. */
    final void wasRefused() {
        refused = true;
        Objects.requireNonNull(reporter, "before the test").publishEntry(REFUSED, testName);
    }

    final boolean isRefused() {
        return refused;
    }

    /** The engines of this test, opened at the first call. */
    final Bed bed() {
        Bed known = bed;
        return known != null ? known : open(Map.of());
    }

    final Bed open(Map<String, String> config) {
        return open(config, new Watch(), new Watch());
    }

    final Bed open(Map<String, String> config, Watch initiator, Watch target) {
        if (bed != null) {
            throw new IllegalStateException("a test has one bed");
        }
        bed = new Bed(harness, config, initiator, target);
        return bed;
    }

    /** Random numbers of this test, the same in every run with the same seed. */
    final Random random() {
        return Seed.random(testName);
    }

    @AfterEach
    final void closeBed() {
        Bed used = bed;
        if (used != null) {
            close(used);
        }
    }

    /** Closes all engines of a bed: none has broken a promise, and nothing is held. */
    static void close(Bed used) {
        try {
            closeNodes(used);
        } finally {
            used.closeOwned();
        }
    }

    private static void closeNodes(Bed used) {
        used.wire().clear();
        used.network().heal();
        used.nodes().forEach(node -> used.network().thaw(node.address()));
        used.nodes().forEach(Node::close);
        for (Node node : used.nodes()) {
            String who = "engine " + node.engine().identity();
            assertThat(node.watch().violations())
                    .as("promises broken at " + who)
                    .isEmpty();
            if (!used.isAbandoned(node)) {
                assertThat(node.watch().held())
                        .as("still held after close of " + who)
                        .isEmpty();
            }
        }
    }

    static TransferException assertFails(TransferErrorCode code, ThrowingCallable call) {
        return assertFailsWithOneOf(Set.of(code), call);
    }

    /** Fails unless the call fails with one of several codes. */
    static TransferException assertFailsWithOneOf(Set<TransferErrorCode> codes, ThrowingCallable call) {
        TransferException failure = catchThrowableOfType(TransferException.class, call);
        assertThat(failure).as("expected to fail with one of " + codes).isNotNull();
        assertThat(failure.code()).as(failure.getMessage()).isIn(codes);
        return failure;
    }

    static Memory side(Operation operation, Memory initiator, Memory target, boolean source) {
        return (operation == Operation.WRITE) == source ? initiator : target;
    }

    /** Sixteen blocks of a page each, in fresh memory on both sides. */
    final Layout pages(Operation operation) {
        return Layout.on(bed(), operation, 4096, 16, random().nextLong());
    }

    /** Moves something over the same pair of engines, behind whatever is still under way between them. */
    final void moveSomethingElse() {
        for (Operation operation : BOTH) {
            Layout other = pages(operation);
            bed().move(operation, other.local(operation), other.remote(operation));
            other.assertMoved();
        }
    }

    /** Prepares again, as an initiator does, while the target says that an earlier attempt may still touch the memory. */
    final Transfer prepareOnceQuiescent(TransferRequest request) {
        int attempt = request.attempt();
        while (true) {
            try {
                return bed().initiator().prepare(request.attempt(attempt));
            } catch (TransferException e) {
                if (e.code() != TransferErrorCode.NOT_QUIESCENT || attempt > request.attempt() + 10_000) {
                    throw e;
                }
                attempt++;
            }
        }
    }

    /** Submits, waits and finishes; must complete with the right bytes on both sides. */
    final void complete(Transfer transfer, Lease lease, Layout layout) {
        transfer.submit();
        bed().result(transfer).orThrow();
        transfer.finish();
        bed().result(lease).orThrow();
        layout.assertMoved();
    }
}
