package io.kvferry.spi;

import java.util.Objects;
import java.util.regex.Pattern;

/**
 * The data-plane protocol a backend speaks. Two instances can be paired when their wire ids are equal.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param name the protocol, {@code [a-z][a-z0-9-]*}
 * @param version its incompatible generation, from 1
 * @since 0.1.0
 */
public record WireId(String name, int version) {
    private static final Pattern NAME = Pattern.compile("[a-z][a-z0-9-]{0,31}");

    /**
     * Checks the name.
     *
     * @throws IllegalArgumentException if the name does not match or the version is below 1
     */
    public WireId {
        Objects.requireNonNull(name, "name");
        if (!NAME.matcher(name).matches() || version < 1) {
            throw new IllegalArgumentException("not a wire id: " + name + "/" + version);
        }
    }

    @Override
    public String toString() {
        return name + "/" + version;
    }
}
