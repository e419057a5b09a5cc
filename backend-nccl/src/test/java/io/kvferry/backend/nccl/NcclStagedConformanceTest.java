package io.kvferry.backend.nccl;

import io.kvferry.conformance.BackendHarness;
import io.kvferry.conformance.BlocksConformanceTest;
import io.kvferry.conformance.CancelConformanceTest;
import io.kvferry.conformance.CapabilityConformanceTest;
import io.kvferry.conformance.CloseConformanceTest;
import io.kvferry.conformance.ConcurrencyConformanceTest;
import io.kvferry.conformance.ControlConformanceTest;
import io.kvferry.conformance.DataConformanceTest;
import io.kvferry.conformance.FaultConformanceTest;
import io.kvferry.conformance.LeakConformanceTest;
import io.kvferry.conformance.LeaseConformanceTest;
import io.kvferry.conformance.LifeCycleConformanceTest;
import io.kvferry.conformance.PartsConformanceTest;
import java.util.Map;
import org.junit.jupiter.api.Nested;

/**
 * Host memory over NCCL: the rules hold with each byte copied onto the device, moved, and copied off it. Left out are the topics
 * that look at registrations and reports between engine and backend, where staged memory is not seen; {@link StagedCopyTest}
 * says what becomes of deadlines and quarantine.
 */
class NcclStagedConformanceTest {
    private static final BackendHarness HARNESS = new NcclFakeHarness(
            "nccl-fake-staged", Map.of("kvferry.staging", "pinned", "kvferry.staging-size", "256MiB"));

    @Nested
    final class Capability extends CapabilityConformanceTest {
        Capability() {
            super(HARNESS);
        }
    }

    @Nested
    final class LifeCycle extends LifeCycleConformanceTest {
        LifeCycle() {
            super(HARNESS);
        }
    }

    @Nested
    final class Data extends DataConformanceTest {
        Data() {
            super(HARNESS);
        }
    }

    @Nested
    final class Blocks extends BlocksConformanceTest {
        Blocks() {
            super(HARNESS);
        }
    }

    @Nested
    final class Parts extends PartsConformanceTest {
        Parts() {
            super(HARNESS);
        }
    }

    @Nested
    final class Control extends ControlConformanceTest {
        Control() {
            super(HARNESS);
        }
    }

    @Nested
    final class Cancel extends CancelConformanceTest {
        Cancel() {
            super(HARNESS);
        }
    }

    @Nested
    final class Lease extends LeaseConformanceTest {
        Lease() {
            super(HARNESS);
        }
    }

    @Nested
    final class Close extends CloseConformanceTest {
        Close() {
            super(HARNESS);
        }
    }

    @Nested
    final class Concurrency extends ConcurrencyConformanceTest {
        Concurrency() {
            super(HARNESS);
        }
    }

    @Nested
    final class Fault extends FaultConformanceTest {
        Fault() {
            super(HARNESS);
        }
    }

    @Nested
    final class Leak extends LeakConformanceTest {
        Leak() {
            super(HARNESS);
        }
    }
}
