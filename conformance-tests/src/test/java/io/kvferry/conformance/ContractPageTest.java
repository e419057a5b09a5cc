package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The page of numbered rules and the tests that hold them name each other. */
class ContractPageTest {
    private static final Path PAGE = Path.of("..", "docs", "contract.md");
    private static final Pattern RULE = Pattern.compile("^- \\*\\*(R\\d+\\.\\d+)\\*\\* .*");
    private static final Pattern HOLDER = Pattern.compile("`(\\w+)`");
    private static final Pattern TEST_NAME =
            Pattern.compile("(required|capability|stochastic|foreign)_(R\\d+)_(\\d+)_\\w+");

    @Test
    void everyRuleNamesItsTestsAndEveryTestItsRule() throws IOException {
        assertThat(rulesOnThePage()).isEqualTo(rulesInTests());
    }

    @Test
    void everyTestIsPublicFinalAndNamedByItsRule() {
        for (Method test : tests()) {
            assertThat(Modifier.isPublic(test.getModifiers()) && Modifier.isFinal(test.getModifiers()))
                    .as(test.getName() + " is public final")
                    .isTrue();
            assertThat(test.getName()).matches(TEST_NAME);
        }
    }

    private static Map<String, TreeSet<String>> rulesOnThePage() throws IOException {
        Map<String, TreeSet<String>> rules = new TreeMap<>();
        for (String line : Files.readAllLines(PAGE)) {
            Matcher rule = RULE.matcher(line);
            if (rule.matches()) {
                TreeSet<String> holders = HOLDER.matcher(line.substring(line.lastIndexOf(" (")))
                        .results()
                        .map(match -> match.group(1))
                        .collect(Collectors.toCollection(TreeSet::new));
                assertThat(rules.put(rule.group(1), holders))
                        .as(rule.group(1) + " is listed once")
                        .isNull();
            }
        }
        return rules;
    }

    private static Map<String, TreeSet<String>> rulesInTests() {
        Map<String, TreeSet<String>> rules = new TreeMap<>();
        for (Method test : tests()) {
            Matcher name = TEST_NAME.matcher(test.getName());
            assertThat(name.matches()).as(test.getName()).isTrue();
            rules.computeIfAbsent(name.group(2) + "." + name.group(3), rule -> new TreeSet<>())
                    .add(test.getName());
        }
        return rules;
    }

    private static List<Method> tests() {
        return ConformanceRules.tests().toList();
    }
}
