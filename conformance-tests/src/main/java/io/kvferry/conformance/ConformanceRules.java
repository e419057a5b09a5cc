package io.kvferry.conformance;

import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The rules that the kit tests, with their numbers in {@code docs/contract.md}: for reports.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class ConformanceRules {
    private static final Pattern NAME = Pattern.compile("([a-z]+)_R(\\d+)_(\\d+)_(\\w+)");

    private ConformanceRules() {}

    /**
     * One numbered rule and the test that holds it.
     *
     * @param major the rule of the architecture, such as 4
     * @param minor its part, such as 2
     * @param kind required, capability, stochastic or foreign
     * @param topic the suite, such as {@code Lease}
     * @param test the name of the method
     */
    public record Rule(int major, int minor, String kind, String topic, String test) {
        /**
         * Returns the number.
         *
         * @return such as {@code R4.2}
         */
        public String id() {
            return "R" + major + "." + minor;
        }

        /**
         * Returns what the test's name states.
         *
         * @return lower-case words
         */
        public String sentence() {
            String words = test.substring(test.lastIndexOf('_') + 1);
            return words.replaceAll("(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ")
                    .toLowerCase(Locale.ROOT);
        }
    }

    /**
     * Returns every rule that has a test in the kit.
     *
     * @return by number
     */
    public static List<Rule> all() {
        return tests().map(ConformanceRules::rule)
                .sorted(Comparator.comparingInt(Rule::major)
                        .thenComparingInt(Rule::minor)
                        .thenComparing(Rule::test))
                .toList();
    }

    /** The tests of every suite that a backend may run. */
    static Stream<Method> tests() {
        Stream<Class<?>> suites = Stream.concat(
                Arrays.stream(BackendConformance.class.getDeclaredClasses()).map(Class::getSuperclass),
                Stream.of(ProcessConformanceTest.class, SocketConformanceTest.class, ModelConformanceTest.class));
        return suites.flatMap(suite -> Arrays.stream(suite.getDeclaredMethods()))
                .filter(method -> method.isAnnotationPresent(Test.class));
    }

    private static Rule rule(Method test) {
        Matcher name = NAME.matcher(test.getName());
        if (!name.matches()) {
            throw new IllegalStateException("a test without the number of its rule: " + test);
        }
        return new Rule(
                Integer.parseInt(name.group(2)),
                Integer.parseInt(name.group(3)),
                name.group(1),
                test.getDeclaringClass().getSimpleName().replace("ConformanceTest", ""),
                test.getName());
    }
}
