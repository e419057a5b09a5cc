package io.kvferry.spi;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Values for configuration keys; a key that is not set has its default.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class BackendConfig {
    /** Nothing set: every key has its default. */
    public static final BackendConfig DEFAULTS = new BackendConfig(Map.of());

    private final Map<ConfigKey<?>, Object> values;

    private BackendConfig(Map<ConfigKey<?>, Object> values) {
        this.values = values;
    }

    /**
     * Returns the value of a key.
     *
     * @param <T> the key's type
     * @param key the key
     * @return the value that was set, or the key's default
     */
    @SuppressWarnings("unchecked") // with() lets in only what the key's own type allows
    public <T> T get(ConfigKey<T> key) {
        Object value = values.get(key);
        return value == null ? key.defaultValue() : (T) value;
    }

    /**
     * Tells whether a key was set.
     *
     * @param key the key
     * @return false if {@link #get} answers the default
     */
    public boolean isSet(ConfigKey<?> key) {
        return values.containsKey(key);
    }

    /**
     * Returns this configuration with one key set.
     *
     * @param <T> the key's type
     * @param key the key
     * @param value its value
     * @return a copy
     */
    public <T> BackendConfig with(ConfigKey<T> key, T value) {
        Map<ConfigKey<?>, Object> copy = new LinkedHashMap<>(values);
        copy.put(key, value);
        return new BackendConfig(Map.copyOf(copy));
    }

    @Override
    public String toString() {
        return values.keySet().stream()
                .map(key -> key.name() + "=" + format(key))
                .sorted()
                .collect(Collectors.joining(", ", "[", "]"));
    }

    private <T> String format(ConfigKey<T> key) {
        return key.format(get(key));
    }
}
