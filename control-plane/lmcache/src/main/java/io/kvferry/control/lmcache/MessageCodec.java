package io.kvferry.control.lmcache;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.msgpack.core.MessageBufferPacker;
import org.msgpack.core.MessageFormat;
import org.msgpack.core.MessagePack;
import org.msgpack.core.MessagePackException;
import org.msgpack.core.MessageUnpacker;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;

/** Bytes to messages and back: msgpack, or JSON where a frame begins with a brace. Nothing is allocated on a length's word. */
final class MessageCodec {
    private static final int MAX_DEPTH = 8;
    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(
                    StreamReadConstraints.builder().maxNestingDepth(MAX_DEPTH).build())
            .build();

    private MessageCodec() {}

    static boolean isJson(byte[] frame) {
        return frame.length > 0 && frame[0] == '{';
    }

    static Message decode(byte[] frame) throws MalformedMessageException {
        Object value;
        try {
            value = isJson(frame) ? json(frame) : msgpack(frame);
        } catch (MessagePackException | JacksonException | IOException | ArithmeticException e) {
            throw new MalformedMessageException("the frame is neither msgpack nor JSON: " + e.getMessage(), e);
        }
        if (!(value instanceof Map<?, ?> map)) {
            throw new MalformedMessageException("the frame is no map");
        }
        return Message.read(map);
    }

    private static @Nullable Object msgpack(byte[] frame) throws IOException, MalformedMessageException {
        try (MessageUnpacker unpacker = MessagePack.newDefaultUnpacker(frame)) {
            Object value = msgpack(unpacker, frame.length, 0);
            if (unpacker.hasNext()) {
                throw new MalformedMessageException("bytes follow the message");
            }
            return value;
        }
    }

    private static @Nullable Object msgpack(MessageUnpacker unpacker, int frameBytes, int depth)
            throws IOException, MalformedMessageException {
        if (depth > MAX_DEPTH) {
            throw new MalformedMessageException("nested deeper than " + MAX_DEPTH);
        }
        MessageFormat format = unpacker.getNextFormat();
        return switch (format.getValueType()) {
            case NIL -> {
                unpacker.unpackNil();
                yield null;
            }
            case BOOLEAN -> unpacker.unpackBoolean();
            case INTEGER -> {
                if (format == MessageFormat.UINT64) {
                    BigInteger large = unpacker.unpackBigInteger();
                    yield large.bitLength() < Long.SIZE ? (Object) large.longValue() : large;
                }
                yield unpacker.unpackLong();
            }
            case FLOAT -> unpacker.unpackDouble();
            case STRING -> {
                int bytes = bounded(unpacker.unpackRawStringHeader(), 1, unpacker, frameBytes);
                yield new String(unpacker.readPayload(bytes), java.nio.charset.StandardCharsets.UTF_8);
            }
            case BINARY -> unpacker.readPayload(bounded(unpacker.unpackBinaryHeader(), 1, unpacker, frameBytes));
            case ARRAY -> {
                int size = bounded(unpacker.unpackArrayHeader(), 1, unpacker, frameBytes);
                List<@Nullable Object> list = new ArrayList<>(size);
                for (int i = 0; i < size; i++) {
                    list.add(msgpack(unpacker, frameBytes, depth + 1));
                }
                yield list;
            }
            case MAP -> {
                int size = bounded(unpacker.unpackMapHeader(), 2, unpacker, frameBytes);
                Map<@Nullable Object, @Nullable Object> map = new LinkedHashMap<>();
                for (int i = 0; i < size; i++) {
                    Object key = msgpack(unpacker, frameBytes, depth + 1);
                    map.put(key, msgpack(unpacker, frameBytes, depth + 1));
                }
                yield map;
            }
            case EXTENSION -> throw new MalformedMessageException("an extension type, which LMCache does not use");
        };
    }

    /** A count whose elements of at least so many bytes can be in what is left of the frame. */
    private static int bounded(int count, int elementBytes, MessageUnpacker unpacker, int frameBytes)
            throws MalformedMessageException {
        long left = frameBytes - unpacker.getTotalReadBytes();
        if (count < 0 || (long) count * elementBytes > left) {
            throw new MalformedMessageException("a length of " + count + " with " + left + " bytes left");
        }
        return count;
    }

    private static @Nullable Object json(byte[] frame) throws MalformedMessageException {
        try (JsonParser parser = JSON.createParser(tools.jackson.core.ObjectReadContext.empty(), frame)) {
            parser.nextToken();
            Object value = json(parser);
            if (parser.nextToken() != null) {
                throw new MalformedMessageException("bytes follow the message");
            }
            return value;
        }
    }

    private static @Nullable Object json(JsonParser parser) throws MalformedMessageException {
        JsonToken token = parser.currentToken();
        if (token == null) {
            throw new MalformedMessageException("the JSON ends too early");
        }
        return switch (token) {
            case VALUE_NULL -> null;
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case VALUE_STRING -> parser.getString();
            case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
            case VALUE_NUMBER_INT -> {
                BigInteger number = parser.getBigIntegerValue();
                yield number.bitLength() < Long.SIZE ? (Object) number.longValue() : number;
            }
            case START_ARRAY -> {
                List<@Nullable Object> list = new ArrayList<>();
                while (parser.nextToken() != JsonToken.END_ARRAY) {
                    list.add(json(parser));
                }
                yield list;
            }
            case START_OBJECT -> {
                Map<@Nullable Object, @Nullable Object> map = new LinkedHashMap<>();
                while (parser.nextToken() != JsonToken.END_OBJECT) {
                    String name = parser.currentName();
                    parser.nextToken();
                    map.put(name, json(parser));
                }
                yield map;
            }
            default -> throw new MalformedMessageException("unexpected " + token + " in the JSON");
        };
    }

    /** A JSON object; an empty body is an empty one. */
    static Map<?, ?> jsonMap(byte[] bytes) throws MalformedMessageException {
        if (bytes.length == 0) {
            return Map.of();
        }
        try {
            if (json(bytes) instanceof Map<?, ?> map) {
                return map;
            }
        } catch (JacksonException e) {
            throw new MalformedMessageException("the body is no JSON: " + e.getOriginalMessage(), e);
        }
        throw new MalformedMessageException("the body is no JSON object");
    }

    /** In the sender's own language. */
    static byte[] encode(Message message, boolean asJson) {
        return asJson ? encodeJson(message) : encode(message);
    }

    static byte[] encode(Message message) {
        try (MessageBufferPacker packer = MessagePack.newDefaultBufferPacker()) {
            pack(packer, message.toMap());
            return packer.toByteArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e); // the buffer is memory
        }
    }

    private static void pack(MessageBufferPacker packer, @Nullable Object value) throws IOException {
        switch (value) {
            case null -> packer.packNil();
            case String text -> packer.packString(text);
            case Boolean flag -> packer.packBoolean(flag);
            case Integer number -> packer.packLong(number);
            case Long number -> packer.packLong(number);
            case BigInteger number -> packer.packBigInteger(number);
            case Double number -> packer.packDouble(number);
            case byte[] bytes -> packer.packBinaryHeader(bytes.length).writePayload(bytes);
            case List<?> list -> {
                packer.packArrayHeader(list.size());
                for (Object element : list) {
                    pack(packer, element);
                }
            }
            case Map<?, ?> map -> {
                packer.packMapHeader(map.size());
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    pack(packer, entry.getKey());
                    pack(packer, entry.getValue());
                }
            }
            default -> throw new IllegalArgumentException("no msgpack for " + value.getClass());
        }
    }

    private static byte[] encodeJson(Message message) {
        return jsonBytes(message.toMap());
    }

    /** Maps, lists, texts and numbers as JSON. */
    static byte[] jsonBytes(Object value) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator generator = JSON.createGenerator(tools.jackson.core.ObjectWriteContext.empty(), bytes)) {
            write(generator, value);
        }
        return bytes.toByteArray();
    }

    private static void write(JsonGenerator generator, @Nullable Object value) {
        switch (value) {
            case null -> generator.writeNull();
            case String text -> generator.writeString(text);
            case Boolean flag -> generator.writeBoolean(flag);
            case Integer number -> generator.writeNumber(number);
            case Long number -> generator.writeNumber(number);
            case BigInteger number -> generator.writeNumber(number);
            case Double number -> generator.writeNumber(number);
            case byte[] bytes -> generator.writeBinary(bytes);
            case List<?> list -> {
                generator.writeStartArray();
                list.forEach(element -> write(generator, element));
                generator.writeEndArray();
            }
            case Map<?, ?> map -> {
                generator.writeStartObject();
                map.forEach((key, element) -> {
                    generator.writeName(String.valueOf(key));
                    write(generator, element);
                });
                generator.writeEndObject();
            }
            default -> throw new IllegalArgumentException("no JSON for " + value.getClass());
        }
    }
}
