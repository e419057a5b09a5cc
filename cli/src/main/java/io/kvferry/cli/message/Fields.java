package io.kvferry.cli.message;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.kvferry.spi.Payload;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A message of named fields, one {@code name=value} a line. Fields that a reader does not know are ignored, so that messages
 * can grow.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * <p><b>Failure:</b> whatever a peer sends, reading it ends in fields or in PROTOCOL_ERROR.
 */
public final class Fields {
    /** A message without fields. */
    public static final Fields NONE = new Fields(Map.of());

    private static final int MAX_BYTES = 64 << 10;
    private static final int MAX_FIELDS = 64;

    private final Map<String, String> values;

    private Fields(Map<String, String> values) {
        this.values = values;
    }

    /**
     * Reads a message.
     *
     * @param payload what a peer sent
     * @return its fields
     * @throws TransferException PROTOCOL_ERROR if it is none
     */
    public static Fields read(Payload payload) {
        if (payload.size() > MAX_BYTES) {
            throw malformed("a message of " + payload.size() + " bytes, allowed are " + MAX_BYTES);
        }
        Map<String, String> values = new LinkedHashMap<>();
        for (String line : decode(payload.buffer()).lines().toList()) {
            int equals = line.indexOf('=');
            if (equals < 1 || values.size() == MAX_FIELDS) {
                throw malformed(
                        "line " + (values.size() + 1) + " is not name=value, or there are more than " + MAX_FIELDS);
            }
            values.putIfAbsent(line.substring(0, equals), line.substring(equals + 1));
        }
        return new Fields(values);
    }

    private static String decode(ByteBuffer bytes) {
        try {
            return UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException e) {
            throw malformed("a message that is not UTF-8");
        }
    }

    private static TransferException malformed(String detail) {
        return new TransferException(TransferErrorCode.PROTOCOL_ERROR, Stage.TRANSFER, detail);
    }

    /**
     * Adds a field.
     *
     * @param name its name
     * @param value its value, of one line
     * @return a copy with the field
     * @throws IllegalArgumentException if the value has more than one line
     */
    public Fields with(String name, Object value) {
        String text = value.toString();
        if (text.lines().count() > 1 || text.endsWith("\n") || text.endsWith("\r")) {
            throw new IllegalArgumentException("field " + name + " has more than one line");
        }
        Map<String, String> copy = new LinkedHashMap<>(values);
        copy.put(name, text);
        return new Fields(copy);
    }

    /**
     * Tells whether a field is there.
     *
     * @param name its name
     * @return true if it is
     */
    public boolean has(String name) {
        return values.containsKey(name);
    }

    /**
     * Returns a field.
     *
     * @param name its name
     * @return its value
     * @throws TransferException PROTOCOL_ERROR if it is missing
     */
    public String text(String name) {
        String value = values.get(name);
        if (value == null) {
            throw malformed("the field '" + name + "' is missing");
        }
        return value;
    }

    /**
     * Returns a field that is a whole number.
     *
     * @param name its name
     * @param min smallest allowed
     * @param max largest allowed
     * @return its value
     * @throws TransferException PROTOCOL_ERROR if it is missing, no number or out of range
     */
    public long number(String name, long min, long max) {
        String value = text(name);
        long number;
        try {
            number = Long.parseLong(value);
        } catch (NumberFormatException e) {
            throw malformed("the field '" + name + "' is not a whole number");
        }
        if (number < min || number > max) {
            throw malformed("the field '" + name + "' is " + number + ", allowed are " + min + " to " + max);
        }
        return number;
    }

    /**
     * Writes the message.
     *
     * @return its bytes
     */
    public Payload payload() {
        StringBuilder lines = new StringBuilder();
        values.forEach(
                (name, value) -> lines.append(name).append('=').append(value).append('\n'));
        return new Payload(lines.toString().getBytes(UTF_8));
    }

    @Override
    public String toString() {
        return values.toString();
    }
}
