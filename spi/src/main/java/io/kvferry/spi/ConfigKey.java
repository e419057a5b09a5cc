package io.kvferry.spi;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * One typed, documented configuration key with its default. The reference page is generated from these.
 *
 * <p>Keys are equal when their names are. <b>Threads:</b> Immutable.
 *
 * @param <T> the type of its values
 * @since 0.1.0
 */
public final class ConfigKey<T> {
    private static final Pattern NAME = Pattern.compile("kvferry(\\.[a-z][a-z0-9-]*)+");

    private final String name;
    private final T defaultValue;
    private final String allowed;
    private final String description;
    private final boolean secret;
    private final Function<String, T> parser;
    private final Function<T, String> formatter;

    private ConfigKey(
            String name,
            T defaultValue,
            String allowed,
            String description,
            boolean secret,
            Function<String, T> parser,
            Function<T, String> formatter) {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException("not a configuration key: " + name);
        }
        this.name = name;
        this.defaultValue = Objects.requireNonNull(defaultValue, "defaultValue");
        this.allowed = allowed;
        this.description = description;
        this.secret = secret;
        this.parser = parser;
        this.formatter = formatter;
        if (!secret && !parse(format(defaultValue)).equals(defaultValue)) {
            throw new IllegalArgumentException(
                    name + ": the default " + defaultValue + " cannot be written as a value");
        }
    }

    /**
     * Makes a key for text.
     *
     * @param name dotted kebab-case, beginning with {@code kvferry.}
     * @param defaultValue used when nothing is set
     * @param description what it does and why the default is what it is
     * @return the key
     */
    public static ConfigKey<String> text(String name, String defaultValue, String description) {
        return new ConfigKey<>(name, defaultValue, "text", description, false, text -> text, text -> text);
    }

    /**
     * Makes a key for text that is masked wherever it is shown.
     *
     * @param name dotted kebab-case, beginning with {@code kvferry.}
     * @param description what it does
     * @return the key; empty by default
     */
    public static ConfigKey<String> secret(String name, String description) {
        return new ConfigKey<>(name, "", "secret text", description, true, text -> text, text -> "****");
    }

    /**
     * Makes a key for a list of words separated by commas.
     *
     * @param name dotted kebab-case, beginning with {@code kvferry.}
     * @param defaultValue used when nothing is set
     * @param description what it does and why the default is what it is
     * @return the key
     */
    public static ConfigKey<List<String>> list(String name, List<String> defaultValue, String description) {
        return new ConfigKey<>(
                name,
                List.copyOf(defaultValue),
                "words separated by commas",
                description,
                false,
                ValueText::parseWords,
                words -> String.join(",", words));
    }

    /**
     * Makes a key for a whole number.
     *
     * @param name dotted kebab-case, beginning with {@code kvferry.}
     * @param defaultValue used when nothing is set
     * @param min smallest allowed
     * @param max largest allowed
     * @param description what it does and why the default is what it is
     * @return the key
     */
    public static ConfigKey<Integer> integer(String name, int defaultValue, int min, int max, String description) {
        return new ConfigKey<>(
                name,
                defaultValue,
                min + " to " + max,
                description,
                false,
                text -> (int) inRange(Long.parseLong(text), min, max),
                String::valueOf);
    }

    /**
     * Makes a key for a number of bytes, with the suffixes B, KiB, MiB, GiB and TiB.
     *
     * @param name dotted kebab-case, beginning with {@code kvferry.}
     * @param defaultBytes used when nothing is set
     * @param minBytes smallest allowed
     * @param maxBytes largest allowed
     * @param description what it does and why the default is what it is
     * @return the key, in bytes
     */
    public static ConfigKey<Long> size(
            String name, long defaultBytes, long minBytes, long maxBytes, String description) {
        return new ConfigKey<>(
                name,
                defaultBytes,
                ValueText.formatBytes(minBytes) + " to " + ValueText.formatBytes(maxBytes),
                description,
                false,
                text -> inRange(ValueText.parseBytes(text), minBytes, maxBytes),
                ValueText::formatBytes);
    }

    /**
     * Makes a key for a duration, with the suffixes us, ms, s, m and h.
     *
     * @param name dotted kebab-case, beginning with {@code kvferry.}
     * @param defaultValue used when nothing is set
     * @param min smallest allowed
     * @param max largest allowed
     * @param description what it does and why the default is what it is
     * @return the key
     */
    public static ConfigKey<Duration> duration(
            String name, Duration defaultValue, Duration min, Duration max, String description) {
        return new ConfigKey<>(
                name,
                defaultValue,
                ValueText.formatDuration(min) + " to " + ValueText.formatDuration(max),
                description,
                false,
                text -> Duration.ofNanos(
                        inRange(ValueText.parseDuration(text).toNanos(), min.toNanos(), max.toNanos())),
                ValueText::formatDuration);
    }

    /**
     * Makes a key for yes or no.
     *
     * @param name dotted kebab-case, beginning with {@code kvferry.}
     * @param defaultValue used when nothing is set
     * @param description what it does and why the default is what it is
     * @return the key
     */
    public static ConfigKey<Boolean> bool(String name, boolean defaultValue, String description) {
        return new ConfigKey<>(
                name, defaultValue, "true, false", description, false, ValueText::parseBoolean, String::valueOf);
    }

    /**
     * Makes a key for one of the constants of an enum, written in lower case with hyphens.
     *
     * @param <E> the enum
     * @param name dotted kebab-case, beginning with {@code kvferry.}
     * @param defaultValue used when nothing is set
     * @param description what it does and why the default is what it is
     * @return the key
     */
    public static <E extends Enum<E>> ConfigKey<E> oneOf(String name, E defaultValue, String description) {
        E[] constants = defaultValue.getDeclaringClass().getEnumConstants();
        String words = Arrays.stream(constants).map(ValueText::formatConstant).collect(Collectors.joining(", "));
        return new ConfigKey<>(
                name,
                defaultValue,
                words,
                description,
                false,
                text -> Arrays.stream(constants)
                        .filter(constant -> ValueText.formatConstant(constant).equals(text))
                        .findFirst()
                        .orElseThrow(() -> new IllegalArgumentException("not one of these")),
                ValueText::formatConstant);
    }

    private static long inRange(long value, long min, long max) {
        if (value < min || value > max) {
            throw new IllegalArgumentException("out of range");
        }
        return value;
    }

    /**
     * Returns the key's name.
     *
     * @return for example {@code kvferry.tcp.lanes}
     */
    public String name() {
        return name;
    }

    /**
     * Returns the value used when nothing is set.
     *
     * @return the default
     */
    public T defaultValue() {
        return defaultValue;
    }

    /**
     * Returns what values are allowed, for people.
     *
     * @return for example {@code 1 to 64}
     */
    public String allowed() {
        return allowed;
    }

    /**
     * Returns what the key does and why its default is what it is.
     *
     * @return plain text
     */
    public String description() {
        return description;
    }

    /**
     * Tells whether values are masked wherever they are shown.
     *
     * @return true for secrets
     */
    public boolean isSecret() {
        return secret;
    }

    /**
     * Reads a value.
     *
     * @param text as written in a file, a flag or the environment
     * @return the value
     * @throws IllegalArgumentException if it is not allowed; the message says why, without the text itself
     */
    public T parse(String text) {
        try {
            return parser.apply(text.trim());
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("not a whole number", e);
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException("out of range", e);
        }
    }

    /**
     * Writes a value as {@link #parse} reads it; a secret is masked.
     *
     * @param value the value
     * @return its text
     */
    public String format(T value) {
        return formatter.apply(value);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ConfigKey<?> that && that.name.equals(name);
    }

    @Override
    public int hashCode() {
        return name.hashCode();
    }

    @Override
    public String toString() {
        return name;
    }
}
