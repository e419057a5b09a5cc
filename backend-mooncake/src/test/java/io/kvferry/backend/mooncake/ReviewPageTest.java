package io.kvferry.backend.mooncake;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** {@code docs/mooncake-review.md} names a test for each finding: each of them is there. */
class ReviewPageTest {
    private static final Path ROOT = Path.of("..");

    @Test
    void everyFindingHasARuleAndATestThatExists() throws IOException {
        Set<String> tests = testsOfTheProject();
        List<String[]> rows = Files.readAllLines(ROOT.resolve("docs/mooncake-review.md")).stream()
                .filter(line -> line.startsWith("| ") && !line.startsWith("| ---"))
                .map(line -> line.split(" *\\| *"))
                .filter(row -> !row[row.length - 1].equals("held by"))
                .toList();

        assertThat(rows).hasSizeGreaterThan(30);
        for (String[] row : rows) {
            assertThat(row).as("finding, rule and test of: %s", row[1]).hasSize(4);
            List<String> named = matches(row[3], "`(\\w+)`");
            assertThat(named.isEmpty() && !row[3].contains("itself") && !row[3].equals("the language"))
                    .as("%s: named by no test", row[1])
                    .isFalse();
            assertThat(tests).as("tests of: %s", row[1]).containsAll(named);
        }
    }

    /** Names of test classes, and of the methods in them. */
    private static Set<String> testsOfTheProject() throws IOException {
        Set<String> names = new TreeSet<>();
        for (String module :
                List.of("backend-mooncake", "conformance-tests", "spi", "control-plane/grpc", "control-plane/peer")) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src"))) {
                for (Path file : files.filter(each -> each.toString().endsWith("Test.java"))
                        .toList()) {
                    names.add(file.getFileName().toString().replace(".java", ""));
                    names.addAll(matches(Files.readString(file), "void (\\w+)\\("));
                }
            }
        }
        return names;
    }

    private static List<String> matches(String text, String regex) {
        return Pattern.compile(regex)
                .matcher(text)
                .results()
                .map((MatchResult match) -> match.group(1))
                .collect(Collectors.toList());
    }
}
