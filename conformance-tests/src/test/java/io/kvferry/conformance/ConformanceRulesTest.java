package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.ConformanceRules.Rule;
import java.util.List;
import org.junit.jupiter.api.Test;

class ConformanceRulesTest {
    @Test
    void rulesComeByNumberAndSayWhatTheirTestsSay() {
        List<Rule> rules = ConformanceRules.all();

        assertThat(rules)
                .extracting(Rule::id)
                .startsWith("R1.1", "R1.2")
                .containsSubsequence("R1.9", "R1.10", "R2.1", "R10.1", "R20.9");
        assertThat(rules)
                .contains(new Rule(4, 2, "required", "LifeCycle", "required_R4_2_outcomeNeverChanges"))
                .anySatisfy(rule -> assertThat(rule.topic()).isEqualTo("Process"));
        assertThat(new Rule(4, 2, "required", "LifeCycle", "required_R4_2_outcomeNeverChanges").sentence())
                .isEqualTo("outcome never changes");
    }
}
