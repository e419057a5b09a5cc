package io.kvferry.cli.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.ConformanceLauncher.Outcome;
import io.kvferry.conformance.ConformanceLauncher.Result;
import io.kvferry.conformance.ConformanceRules;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ConformanceHtmlTest {
    @Test
    void everyRuleHasItsResultAndAFailureItsMessage() {
        String page = ConformanceHtml.page(
                "mine",
                Map.of("Seed", "42"),
                List.of(
                        new Result("Lease", "required_R4_2_outcomeNeverChanges", Outcome.PASSED, ""),
                        new Result(
                                "Cancel",
                                "required_R6_7_cancelAfterCompletionHasNoEffect",
                                Outcome.FAILED,
                                "expected <1> & got <2>"),
                        new Result("Data", "Data", Outcome.FAILED, "could not start")));

        assertThat(page)
                .contains("<th>Seed</th><td>42</td>", "1 passed", "2 failed")
                .contains("outcome never changes</td><td class=\"passed\">passed</td>")
                .contains("class=\"failed\">failed<pre>expected &lt;1&gt; &amp; got &lt;2&gt;</pre>")
                .contains("could not start")
                .doesNotContain("http", "<script");
        assertThat(page.split("class=\"not-run\"").length - 1)
                .isEqualTo(ConformanceRules.all().size() - 2);
    }
}
