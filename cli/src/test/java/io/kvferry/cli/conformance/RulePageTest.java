package io.kvferry.cli.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.kvferry.conformance.ConformanceRules;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RulePageTest {
    @TempDir
    Path folder;

    private void report(String module, String json) throws IOException {
        Path reports = Files.createDirectories(folder.resolve(module).resolve("target/conformance"));
        Files.writeString(reports.resolve("report.json"), json);
    }

    private RulePage page() throws IOException {
        return RulePage.read(List.of(folder));
    }

    @Test
    void everyRuleIsARowAndEveryBackendAColumn() throws IOException {
        report("b", """
                {"backend": "beta", "adapter": "fake", "seed": 7, "passed": ["required_R4_2_outcomeNeverChanges"],
                 "refused": ["capability_R10_7_checksumWorksOrIsUnsupported"], "failed": {}, "skipped": {}}
                """);
        report("a", """
                {"backend": "alpha", "adapter": "real", "seed": 8, "passed": [], "refused": [], "failed": {},
                 "skipped": {"required_R4_2_outcomeNeverChanges": "SKIP[environment=no device]\\nat line 3"}}
                """);

        String markdown = page().markdown();

        assertThat(markdown.lines())
                .contains("| rule | what holds | alpha | beta |", "| | *adapter* | *real* | *fake* |")
                .contains("| R4.2 | outcome never changes | skip | pass |")
                .contains("| R10.7 | checksum works or is unsupported | - | refused |")
                .contains("| R6.7 | cancel after completion has no effect (**untested**) | - | - |")
                .contains("## alpha (seed 8)", "- `required_R4_2_outcomeNeverChanges`: SKIP[environment=no device]");
        assertThat(markdown.lines().filter(line -> line.startsWith("| R"))).hasSameSizeAs(ConformanceRules.all());
        assertThat(page().hasFailures()).isFalse();
    }

    @Test
    void whatFailsIsSeenAndSaid() throws IOException {
        report("a", """
                {"backend": "alpha", "adapter": "real", "seed": 8, "failed": {"required_R4_2_outcomeNeverChanges": "it did"}}
                """);

        assertThat(page().hasFailures()).isTrue();
        assertThat(page().markdown())
                .contains("| R4.2 | outcome never changes | **FAIL** |", "`required_R4_2_outcomeNeverChanges`: it did");
    }

    @Test
    void withoutReportsItSaysHowToMakeThem() {
        assertThatIOException().isThrownBy(this::page).withMessageContaining("mvn verify");
    }

    @Test
    void whatIsNoReportIsNamed() throws IOException {
        report("a", "{");

        assertThatIOException().isThrownBy(this::page).withMessageContaining("report.json is no report");
    }
}
