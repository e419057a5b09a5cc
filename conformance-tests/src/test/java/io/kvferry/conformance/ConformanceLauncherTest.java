package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvferry.conformance.ConformanceLauncher.Outcome;
import io.kvferry.conformance.ConformanceLauncher.Result;
import io.kvferry.conformance.SimpleBackend.Flaw;
import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferErrorCode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ConformanceLauncherTest {
    private static final List<String> BLOCKS = List.of("Blocks");

    @Test
    void everyResultIsHeardAsItComesAndReturnedInTheEnd() {
        List<Result> heard = new ArrayList<>();
        List<Result> results =
                ConformanceLauncher.run(BackendHarness.of(SimpleBackend.provider(null)), BLOCKS, heard::add);
        assertThat(results).hasSize(6).isEqualTo(heard).allSatisfy(result -> {
            assertThat(result.outcome()).as(result.reason()).isEqualTo(Outcome.PASSED);
            assertThat(result.suite()).isEqualTo("Blocks");
            assertThat(result.test()).startsWith("required_R15_");
        });
    }

    @Test
    void failureSaysWhatIsWrong() {
        BackendHarness broken = BackendHarness.of(SimpleBackend.provider(Flaw.WRITES_TOO_MUCH));
        List<Result> failed = ConformanceLauncher.run(broken, List.of("Data"), result -> {}).stream()
                .filter(result -> result.outcome() != Outcome.PASSED)
                .toList();
        assertThat(failed).isNotEmpty().allSatisfy(result -> {
            assertThat(result.outcome()).isEqualTo(Outcome.FAILED);
            assertThat(result.reason()).contains("differs from byte");
        });
    }

    @Test
    void machineWithoutTheBackendSkipsWithTheReason() {
        List<Result> results = ConformanceLauncher.run(BackendHarness.of(new Absent()), BLOCKS, result -> {});
        assertThat(results).hasSize(6).allSatisfy(result -> {
            assertThat(result.outcome()).isEqualTo(Outcome.SKIPPED);
            assertThat(result.reason()).contains("SKIP[environment=").contains("no such device");
        });
    }

    @Test
    void whatIsNotDeclaredIsToldApartFromWhatWorks() {
        List<Result> refused =
                ConformanceLauncher.run(
                                BackendHarness.of(SimpleBackend.provider(null)), List.of("Capability"), result -> {})
                        .stream()
                        .filter(result -> result.outcome() == Outcome.REFUSED)
                        .toList();
        assertThat(refused)
                .extracting(Result::test)
                .containsExactlyInAnyOrder(
                        "capability_R10_6_cudaMemoryIsUnsupportedWhereNotDeclared",
                        "capability_R10_7_checksumWorksOrIsUnsupported");
    }

    @Test
    void unknownNameListsTheNamesThereAre() {
        assertThatThrownBy(() -> ConformanceLauncher.run("no-such-backend", result -> {}))
                .hasMessageContaining("no-such-backend")
                .hasMessageContaining("kvferry-backend-");
    }

    private static final class Absent implements TransferBackendProvider {
        @Override
        public String name() {
            return "absent";
        }

        @Override
        public Set<ConfigKey<?>> configKeys() {
            return Set.of();
        }

        @Override
        public Availability probe(BackendConfig config) {
            return new Availability.Unavailable(TransferErrorCode.BACKEND_UNAVAILABLE, "no such device", "plug one in");
        }

        @Override
        public TransferBackend open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
            throw new AssertionError("opened although it is not available");
        }
    }
}
