package io.kvferry.control.lmcache;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a field of a message may hold. Values come from msgpack or JSON and are as strict as LMCache's own reader. */
enum FieldKind {
    TEXT("a string") {
        @Override
        @Nullable
        Object read(Object value) {
            return value instanceof String ? value : null;
        }
    },
    INTEGER("an integer") {
        @Override
        @Nullable
        Object read(Object value) {
            return value instanceof Long || value instanceof BigInteger ? value : null;
        }
    },
    REAL("a number") {
        @Override
        @Nullable
        Object read(Object value) {
            return value instanceof Double || value instanceof Long ? value : null;
        }
    },
    BOOLEAN("true or false") {
        @Override
        @Nullable
        Object read(Object value) {
            return value instanceof Boolean ? value : null;
        }
    },
    INTEGERS("a list of integers") {
        @Override
        @Nullable
        Object read(Object value) {
            return listOf(value, INTEGER);
        }
    },
    /** {@code tuple[str, str]}. */
    PAIR("a list of two strings") {
        @Override
        @Nullable
        Object read(Object value) {
            return value instanceof List<?> list && list.size() == 2 ? listOf(list, TEXT) : null;
        }
    },
    /** {@code list[KVOpEvent]}: maps without a type. */
    EVENTS("a list of operations with op_type, key and seq_num") {
        @Override
        @Nullable
        Object read(Object value) {
            return listOf(value, EVENT);
        }
    },
    EVENT("an operation with op_type, key and seq_num") {
        @Override
        @Nullable
        Object read(Object value) {
            return value instanceof Map<?, ?> map
                            && (map.get("op_type") instanceof String name)
                            && (name.equals("admit") || name.equals("evict"))
                            && isInteger(map.get("key"))
                            && isInteger(map.get("seq_num"))
                    ? value
                    : null;
        }
    },
    /** What the controller wants of a worker; maps with a type of their own. */
    COMMANDS("a list of commands") {
        @Override
        @Nullable
        Object read(Object value) {
            return value instanceof List<?> list && list.stream().allMatch(Map.class::isInstance) ? value : null;
        }
    },
    /** {@code list[tuple[instance_id, location, num_hit_chunks, peer_init_url]]}. */
    LAYOUTS("a list of (instance, location, chunks, url)") {
        @Override
        @Nullable
        Object read(Object value) {
            return value instanceof List<?> list
                            && list.stream()
                                    .allMatch(entry -> entry instanceof List<?> tuple
                                            && tuple.size() == 4
                                            && tuple.get(0) instanceof String
                                            && tuple.get(1) instanceof String
                                            && isInteger(tuple.get(2))
                                            && tuple.get(3) instanceof String)
                    ? value
                    : null;
        }
    },
    /** {@code dict[str, str]}. */
    TEXT_MAP("a map of strings") {
        @Override
        @Nullable
        Object read(Object value) {
            return value instanceof Map<?, ?> map && map.values().stream().allMatch(String.class::isInstance)
                    ? value
                    : null;
        }
    },
    /** {@code dict[int, int]}; JSON has strings for keys. */
    INTEGER_MAP("a map of integers") {
        @Override
        @Nullable
        Object read(Object value) {
            if (!(value instanceof Map<?, ?> map)) {
                return null;
            }
            Map<Object, Object> result = new LinkedHashMap<>();
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                Object key = entry.getKey() instanceof String text ? parsed(text) : entry.getKey();
                if (!isInteger(key) || !isInteger(entry.getValue())) {
                    return null;
                }
                result.put(key, entry.getValue());
            }
            return result;
        }
    },
    /** {@code dict[instance_id, tuple[location, tokens]]}. */
    LAYOUT_MAP("a map of (location, tokens)") {
        @Override
        @Nullable
        Object read(Object value) {
            return value instanceof Map<?, ?> map
                            && map.values().stream()
                                    .allMatch(entry -> entry instanceof List<?> tuple
                                            && tuple.size() == 2
                                            && tuple.get(0) instanceof String
                                            && isInteger(tuple.get(1)))
                    ? value
                    : null;
        }
    },
    /** {@code list[WorkerInfo]}: maps without a type. */
    WORKER_INFOS("a list of workers") {
        @Override
        @Nullable
        Object read(Object value) {
            return value instanceof List<?> list && list.stream().allMatch(Map.class::isInstance) ? value : null;
        }
    };

    private final String words;

    FieldKind(String words) {
        this.words = words;
    }

    /** The value as it is kept, or null if it is of another kind. */
    abstract @Nullable Object read(Object value);

    private static boolean isInteger(@Nullable Object value) {
        return value instanceof Long || value instanceof BigInteger;
    }

    private static @Nullable Long parsed(String text) {
        try {
            return Long.valueOf(text);
        } catch (NumberFormatException e) {
            return null;
        }
    }

    private static @Nullable List<Object> listOf(Object value, FieldKind kind) {
        if (!(value instanceof List<?> list)) {
            return null;
        }
        List<Object> result = new ArrayList<>(list.size());
        for (Object element : list) {
            Object read = element == null ? null : kind.read(element);
            if (read == null) {
                return null;
            }
            result.add(read);
        }
        return result;
    }

    @Override
    public String toString() {
        return words;
    }
}
