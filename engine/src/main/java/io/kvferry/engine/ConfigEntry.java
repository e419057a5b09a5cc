package io.kvferry.engine;

/**
 * The effective value of one configuration key, for people.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param name the key
 * @param value its value as one would write it; masked for a secret
 * @param source where it was set: a file and line, an environment variable, a flag, or {@code default}
 * @since 0.1.0
 */
public record ConfigEntry(String name, String value, String source) {
    /** The source of a value that nobody set. */
    public static final String DEFAULT = "default";
}
