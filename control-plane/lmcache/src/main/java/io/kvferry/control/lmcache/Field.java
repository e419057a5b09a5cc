package io.kvferry.control.lmcache;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One field of a message.
 *
 * @param isNullable whether nil is a value
 * @param fallback what a message without the field means; null together with {@code isRequired}
 * @param isRequired whether a message without the field is refused
 */
record Field(
        String name,
        FieldKind kind,
        boolean isNullable,
        boolean isRequired,
        @Nullable Object fallback) {
    static Field required(FieldKind kind, String name) {
        return new Field(name, kind, false, true, null);
    }

    static Field text(String name) {
        return required(FieldKind.TEXT, name);
    }

    static Field integer(String name) {
        return required(FieldKind.INTEGER, name);
    }

    static Field integers(String name) {
        return required(FieldKind.INTEGERS, name);
    }

    /** A field that is nil where nothing is said. */
    static Field optional(FieldKind kind, String name) {
        return new Field(name, kind, true, false, null);
    }

    static Field emptyList(FieldKind kind, String name) {
        return new Field(name, kind, false, false, List.of());
    }

    static Field emptyMap(FieldKind kind, String name) {
        return new Field(name, kind, false, false, Map.of());
    }

    static Field defaulting(FieldKind kind, String name, Object fallback) {
        return new Field(name, kind, false, false, fallback);
    }

    /** Like {@link #defaulting}, but nil is a value too. */
    static Field nullableDefaulting(FieldKind kind, String name, Object fallback) {
        return new Field(name, kind, true, false, fallback);
    }
}
