package io.kvferry.backend.mooncake;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/** The JSON of Mooncake's handshake and metadata. Unknown keys are tolerated, addresses are unsigned 64-bit. Immutable. */
final class Messages {
    /** Our own key in a segment: a decoder that does not know it passes over it. */
    private static final String INCARNATION = "kvferry_incarnation";

    private static final BigInteger UNSIGNED_LIMIT = BigInteger.ONE.shiftLeft(64);
    private static final int MAX_FIELDS = 64;
    private static final JsonFactory JSON = new JsonFactory();

    private Messages() {}

    /**
     * Writes a segment as the native engine does: keys sorted, a line end behind.
     *
     * @param timestamp informative; peers do not compare it
     */
    static byte[] encode(Segment segment, String timestamp) {
        ByteArrayOutputStream out =
                new ByteArrayOutputStream(256 + 64 * segment.buffers().size());
        try (JsonGenerator json = JSON.createGenerator(ObjectWriteContext.empty(), out)) {
            json.writeStartObject();
            json.writeName("buffers").writeStartArray();
            for (SegmentBuffer buffer : segment.buffers()) {
                json.writeStartObject();
                json.writeName("addr").writeRawValue(Long.toUnsignedString(buffer.address()));
                json.writeName("length").writeRawValue(Long.toUnsignedString(buffer.length()));
                json.writeName("name").writeString(segment.name());
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeName(INCARNATION).writeString(segment.incarnation());
            json.writeName("name").writeString(segment.name());
            json.writeName("protocol").writeString("tcp");
            json.writeName("tcp_data_port").writeNumber(segment.dataPort());
            json.writeName("tcp_proto_version").writeNumber(segment.protocolVersion());
            json.writeName("timestamp").writeString(timestamp);
            json.writeEndObject();
        }
        out.write('\n');
        return out.toByteArray();
    }

    /** Writes an object of strings and whole numbers. */
    static byte[] encode(Map<String, Object> fields) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(128);
        try (JsonGenerator json = JSON.createGenerator(ObjectWriteContext.empty(), out)) {
            json.writeStartObject();
            fields.forEach((name, value) -> {
                json.writeName(name);
                if (value instanceof Number number) {
                    json.writeNumber(number.longValue());
                } else {
                    json.writeString(value.toString());
                }
            });
            json.writeEndObject();
        }
        out.write('\n');
        return out.toByteArray();
    }

    /** Reads the strings of an object; everything else in it is passed over. Numbers are given as text. */
    static Map<String, String> strings(byte[] json, String what) {
        try (JsonParser in = start(json, what)) {
            Map<String, String> strings = new LinkedHashMap<>();
            while (in.nextToken() == JsonToken.PROPERTY_NAME) {
                String name = in.currentName();
                JsonToken value = in.nextToken();
                if (value == JsonToken.VALUE_STRING || value == JsonToken.VALUE_NUMBER_INT) {
                    if (strings.size() < MAX_FIELDS) {
                        strings.put(name, in.getString());
                    }
                } else {
                    in.skipChildren();
                }
            }
            return strings;
        } catch (JacksonException malformed) {
            throw malformed(what, malformed.getOriginalMessage());
        }
    }

    /** Reads a segment that moves bytes over TCP. */
    static Segment segment(byte[] json, String what) {
        try (JsonParser in = start(json, what)) {
            SegmentFields fields = new SegmentFields();
            while (in.nextToken() == JsonToken.PROPERTY_NAME) {
                fields.read(in);
            }
            return fields.segment(what);
        } catch (JacksonException malformed) {
            throw malformed(what, malformed.getOriginalMessage());
        }
    }

    private static JsonParser start(byte[] json, String what) {
        JsonParser in = JSON.createParser(ObjectReadContext.empty(), json);
        if (in.nextToken() != JsonToken.START_OBJECT) {
            throw malformed(what, "is no object, as a peer answers that has nothing to say");
        }
        return in;
    }

    static TransferException malformed(String what, String why) {
        return new TransferException(TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, what + ": " + why);
    }

    /** What of a segment has been read. */
    private static final class SegmentFields {
        private String name = "";
        private final List<String> protocols = new ArrayList<>(1);
        private int dataPort;
        private int protocolVersion = 1;
        private String timestamp = "";
        private @Nullable String incarnation;
        private @Nullable List<SegmentBuffer> buffers;

        void read(JsonParser in) {
            String key = in.currentName();
            JsonToken value = in.nextToken();
            switch (key) {
                case "name" -> name = text(in, value);
                case "protocol" -> protocols(in, value);
                case "tcp_data_port" -> dataPort = (int) unsigned(in, value);
                case "tcp_proto_version" -> protocolVersion = (int) unsigned(in, value);
                case "timestamp" -> timestamp = text(in, value);
                case INCARNATION -> incarnation = text(in, value);
                case "buffers" -> buffers(in, value);
                default -> in.skipChildren();
            }
        }

        private void protocols(JsonParser in, JsonToken value) {
            if (value != JsonToken.START_ARRAY) {
                protocols.add(text(in, value));
                return;
            }
            for (JsonToken each = in.nextToken(); each != JsonToken.END_ARRAY; each = in.nextToken()) {
                protocols.add(text(in, each));
            }
        }

        private void buffers(JsonParser in, JsonToken value) {
            if (value != JsonToken.START_ARRAY) {
                throw malformed("buffers", "are no array");
            }
            List<SegmentBuffer> read = new ArrayList<>();
            while (in.nextToken() != JsonToken.END_ARRAY) {
                read.add(buffer(in));
            }
            buffers = read;
        }

        private static SegmentBuffer buffer(JsonParser in) {
            if (in.currentToken() != JsonToken.START_OBJECT) {
                throw malformed("buffer", "is no object");
            }
            long address = 0;
            long length = 0;
            while (in.nextToken() == JsonToken.PROPERTY_NAME) {
                String key = in.currentName();
                JsonToken value = in.nextToken();
                switch (key) {
                    case "addr" -> address = unsigned(in, value);
                    case "length" -> length = unsigned(in, value);
                    default -> in.skipChildren();
                }
            }
            if (address == 0 || length == 0 || Long.compareUnsigned(address + length - 1, address) < 0) {
                throw malformed(
                        "buffer", "[" + Long.toUnsignedString(address) + " +" + Long.toUnsignedString(length) + "]");
            }
            return new SegmentBuffer(address, length);
        }

        private static String text(JsonParser in, JsonToken value) {
            if (value != JsonToken.VALUE_STRING) {
                throw malformed(in.currentName() == null ? "a value" : in.currentName(), "is no string");
            }
            return in.getString();
        }

        private static long unsigned(JsonParser in, JsonToken value) {
            if (value == JsonToken.VALUE_NUMBER_INT) {
                BigInteger number = in.getBigIntegerValue();
                if (number.signum() >= 0 && number.compareTo(UNSIGNED_LIMIT) < 0) {
                    return number.longValue();
                }
            }
            throw malformed(String.valueOf(in.currentName()), "is no unsigned 64-bit number");
        }

        Segment segment(String what) {
            List<SegmentBuffer> offered = buffers;
            if (!protocols.contains("tcp")) {
                throw new TransferException(
                        TransferErrorCode.INCOMPATIBLE_PEER,
                        Stage.PREPARE,
                        what + " moves bytes by " + protocols + ", not by tcp; run it with tcp, or this side with"
                                + " kvferry.mooncake.engine=native");
            }
            if (dataPort < 1 || dataPort > 65535 || offered == null || name.isEmpty()) {
                throw malformed(what, "lacks a name, tcp_data_port or buffers");
            }
            return new Segment(
                    name,
                    dataPort,
                    Math.max(1, protocolVersion),
                    incarnation == null ? timestamp : incarnation,
                    offered);
        }
    }
}
