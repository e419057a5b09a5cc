package io.kvferry.control.lmcache;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A message whose fields are there and of the right kinds. What it does not know it keeps: KVFerry's own additions travel as
 * extra keys, which LMCache ignores.
 *
 * @param values the fields, in the order they are sent in; nil is null
 * @param extras keys that the type does not have
 */
record Message(MessageType type, Map<String, @Nullable Object> values, Map<String, @Nullable Object> extras) {
    private static final String TYPE = "type";
    private static final BigInteger MAX_KEY = BigInteger.ONE.shiftLeft(64).subtract(BigInteger.ONE);
    private static final String[] ALIASES_OF_PEER_INIT_URL = {"distributed_url"};

    /** Makes a message; fields come in their order, and those left out at the end have their defaults. */
    static Message of(MessageType type, @Nullable Object... fields) {
        Map<String, @Nullable Object> values = new LinkedHashMap<>();
        for (int i = 0; i < type.fields().size(); i++) {
            Field field = type.fields().get(i);
            values.put(field.name(), i < fields.length ? fields[i] : field.fallback());
        }
        return new Message(type, values, Map.of());
    }

    static Message error(String detail) {
        return of(MessageType.ERROR, detail);
    }

    /** Checks what was decoded. */
    static Message read(Map<?, ?> map) throws MalformedMessageException {
        if (!(map.get(TYPE) instanceof String tag)) {
            throw new MalformedMessageException("the message has no string 'type'");
        }
        MessageType type = MessageType.ofTag(tag);
        if (type == null) {
            throw new MalformedMessageException("unknown message type '" + shortened(tag) + "'");
        }
        Map<String, @Nullable Object> values = new LinkedHashMap<>();
        Set<String> known = new HashSet<>();
        known.add(TYPE);
        for (Field field : type.fields()) {
            known.add(field.name());
            values.put(field.name(), value(type, field, map));
        }
        Map<String, @Nullable Object> extras = new LinkedHashMap<>();
        map.forEach((key, value) -> {
            if (key instanceof String name && !known.contains(name)) {
                extras.put(name, value);
            }
        });
        return new Message(type, values, extras);
    }

    private static @Nullable Object value(MessageType type, Field field, Map<?, ?> map)
            throws MalformedMessageException {
        String name = field.name();
        if (name.equals("peer_init_url") && !map.containsKey(name)) {
            for (String alias : ALIASES_OF_PEER_INIT_URL) {
                if (map.containsKey(alias)) {
                    name = alias;
                }
            }
        }
        if (!map.containsKey(name)) {
            if (field.isRequired()) {
                throw new MalformedMessageException(type.tag() + " lacks the field '" + name + "'");
            }
            return field.fallback();
        }
        Object value = map.get(name);
        if (value == null) {
            if (field.isNullable()) {
                return null;
            }
            throw new MalformedMessageException(type.tag() + "." + name + " is nil, expected " + field.kind());
        }
        Object read = field.kind().read(value);
        if (read == null) {
            throw new MalformedMessageException(type.tag() + "." + name + " is not " + field.kind());
        }
        return read;
    }

    private static String shortened(String text) {
        return text.length() <= 64 ? text : text.substring(0, 64) + "…";
    }

    Message with(Map<String, ?> more) {
        Map<String, @Nullable Object> all = new LinkedHashMap<>(extras);
        all.putAll(more);
        return new Message(type, values, all);
    }

    /** Everything that is sent, in order. */
    Map<String, @Nullable Object> toMap() {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        map.put(TYPE, type.tag());
        map.putAll(values);
        map.putAll(extras);
        return Collections.unmodifiableMap(map);
    }

    String text(String name) {
        return (String) required(name);
    }

    /** A string that may be nil. */
    @Nullable
    String optionalText(String name) {
        return (String) values.get(name);
    }

    /** A string among the extra keys. */
    @Nullable
    String extra(String name) {
        return extras.get(name) instanceof String text ? text : null;
    }

    /** An integer; larger ones than a long holds are refused. */
    long integer(String name) throws MalformedMessageException {
        if (required(name) instanceof Long number) {
            return number;
        }
        throw new MalformedMessageException(type.tag() + "." + name + " is too large");
    }

    boolean isTrue(String name) {
        return Boolean.TRUE.equals(values.get(name));
    }

    /** Chunk hashes, each as 64 bits. */
    long[] keys(String name) throws MalformedMessageException {
        return bits((List<?>) required(name));
    }

    /** The same of a list that did not come as a field. */
    static long[] bits(List<?> list) throws MalformedMessageException {
        long[] keys = new long[list.size()];
        for (int i = 0; i < keys.length; i++) {
            keys[i] = bits(list.get(i));
        }
        return keys;
    }

    /** Integers that may be nil. */
    long @Nullable [] optionalKeys(String name) throws MalformedMessageException {
        return values.get(name) == null ? null : keys(name);
    }

    /** One chunk hash, as 64 bits. */
    long key(String name) throws MalformedMessageException {
        return bits(required(name));
    }

    List<KvOperation> operations() throws MalformedMessageException {
        List<KvOperation> operations = new ArrayList<>();
        for (Object entry : (List<?>) required("operations")) {
            Map<?, ?> event = (Map<?, ?>) entry;
            if (!(event.get("seq_num") instanceof Long sequence)) {
                throw new MalformedMessageException("seq_num is too large");
            }
            operations.add(new KvOperation("admit".equals(event.get("op_type")), bits(event.get("key")), sequence));
        }
        return operations;
    }

    /** The bits of an integer from -2^63 to 2^64-1. */
    private static long bits(@Nullable Object number) throws MalformedMessageException {
        if (number instanceof Long value) {
            return value;
        }
        if (number instanceof BigInteger value && value.signum() >= 0 && value.compareTo(MAX_KEY) <= 0) {
            return value.longValue();
        }
        throw new MalformedMessageException("the chunk hash " + number + " has more than 64 bits");
    }

    /** A field as it is, which is not nil. */
    Object required(String name) {
        Object value = values.get(name);
        if (value == null) {
            throw new IllegalStateException(type.tag() + " has no " + name);
        }
        return value;
    }
}
