package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Every failure that this project exists to make impossible names tests, and those are there. */
class LessonsPageTest {
    private static final Path ROOT = Path.of("..");
    private static final Path PAGE = ROOT.resolve("docs").resolve("lessons.md");
    private static final Pattern ROW = Pattern.compile("^\\| (\\d+) \\|.*");
    private static final Pattern TEST = Pattern.compile("`(\\w+)\\.(\\w+)`");
    private static final int LESSONS = 32;

    @Test
    void everyLessonNamesTestsThatExist() throws IOException {
        List<Path> sources = sources();
        List<String> rows = Files.readAllLines(PAGE).stream()
                .filter(line -> ROW.matcher(line).matches())
                .toList();
        assertThat(rows.stream().map(row -> row.replaceAll(ROW.pattern(), "$1")))
                .containsExactlyElementsOf(IntStream.rangeClosed(1, LESSONS)
                        .mapToObj(String::valueOf)
                        .toList());
        for (String row : rows) {
            List<MatchResult> tests = TEST.matcher(row).results().toList();
            assertThat(tests).as(row).isNotEmpty();
            for (MatchResult test : tests) {
                assertThat(sources)
                        .as("a test " + test.group())
                        .anyMatch(source -> declares(source, test.group(1), test.group(2)));
            }
        }
    }

    private static boolean declares(Path source, String type, String method) {
        if (!source.getFileName().toString().equals(type + ".java")) {
            return false;
        }
        try {
            return Files.readString(source).contains("void " + method + "(");
        } catch (IOException e) {
            throw new AssertionError(source + " cannot be read", e);
        }
    }

    private static List<Path> sources() throws IOException {
        try (Stream<Path> files = Files.walk(ROOT, 14)) {
            return files.filter(file -> file.toString().endsWith("Test.java")
                            && !file.toString().contains("/target/"))
                    .toList();
        }
    }
}
