package io.kvferry.control.http;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.Lookup;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A question for the longest prefix of a chain.
 *
 * @param scheme name of the key scheme
 * @param keys hexadecimal, first chunk first
 * @param exclude id of a node that does not count
 * @param maxHolders how many holders to name
 */
record ChainJson(
        @Nullable String scheme,
        @Nullable List<String> keys,
        @Nullable String exclude,
        @Nullable Integer maxHolders) {
    private static final int USUAL_HOLDERS = 4;

    Lookup lookup() {
        return new Lookup(
                required("scheme", scheme),
                keys(required("keys", keys)),
                Objects.requireNonNullElse(exclude, ""),
                Objects.requireNonNullElse(maxHolders, USUAL_HOLDERS));
    }

    static ChunkKeys keys(List<String> hexadecimal) {
        return ChunkKeys.of(hexadecimal.stream()
                .map(key -> HexFormat.of().parseHex(required("keys", key)))
                .toList());
    }

    static <T> T required(String field, @Nullable T value) {
        if (value == null) {
            throw new IllegalArgumentException("the field " + field + " is missing; see /v1/openapi.json");
        }
        return value;
    }
}
