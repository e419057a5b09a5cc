package io.kvferry.conformance;

import org.junit.jupiter.api.Nested;

/**
 * All suites at once: a backend's test class extends this one, and passes its harness.
 *
 * <p><b>Threads:</b> confined to JUnit's thread.
 *
 * @since 0.1.0
 */
public abstract class BackendConformance {
    private final BackendHarness harness;

    /**
     * Makes the suites.
     *
     * @param harness what is tested
     */
    protected BackendConformance(BackendHarness harness) {
        this.harness = harness;
    }

    @Nested
    final class Discovery extends DiscoveryConformanceTest {
        Discovery() {
            super(harness);
        }
    }

    @Nested
    final class Capability extends CapabilityConformanceTest {
        Capability() {
            super(harness);
        }
    }

    @Nested
    final class LifeCycle extends LifeCycleConformanceTest {
        LifeCycle() {
            super(harness);
        }
    }

    @Nested
    final class Registration extends RegistrationConformanceTest {
        Registration() {
            super(harness);
        }
    }

    @Nested
    final class Data extends DataConformanceTest {
        Data() {
            super(harness);
        }
    }

    @Nested
    final class Blocks extends BlocksConformanceTest {
        Blocks() {
            super(harness);
        }
    }

    @Nested
    final class Parts extends PartsConformanceTest {
        Parts() {
            super(harness);
        }
    }

    @Nested
    final class Deadline extends DeadlineConformanceTest {
        Deadline() {
            super(harness);
        }
    }

    @Nested
    final class Control extends ControlConformanceTest {
        Control() {
            super(harness);
        }
    }

    @Nested
    final class Cancel extends CancelConformanceTest {
        Cancel() {
            super(harness);
        }
    }

    @Nested
    final class Lease extends LeaseConformanceTest {
        Lease() {
            super(harness);
        }
    }

    @Nested
    final class Quarantine extends QuarantineConformanceTest {
        Quarantine() {
            super(harness);
        }
    }

    @Nested
    final class Close extends CloseConformanceTest {
        Close() {
            super(harness);
        }
    }

    @Nested
    final class Concurrency extends ConcurrencyConformanceTest {
        Concurrency() {
            super(harness);
        }
    }

    @Nested
    final class Fault extends FaultConformanceTest {
        Fault() {
            super(harness);
        }
    }

    @Nested
    final class Leak extends LeakConformanceTest {
        Leak() {
            super(harness);
        }
    }

    @Nested
    final class Soak extends SoakConformanceTest {
        Soak() {
            super(harness);
        }
    }
}
