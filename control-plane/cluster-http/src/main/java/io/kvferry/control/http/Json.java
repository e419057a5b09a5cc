package io.kvferry.control.http;

import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.json.JsonMapper;

/** Records to JSON and back. Fields that are not known are left out of account, so that newer clients may send more. */
final class Json {
    static final String TYPE = "application/json";

    private static final int MAX_DEPTH = 16;

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MAX_DEPTH)
                            .build())
                    .build())
            .build();

    private Json() {}

    static byte[] bytes(Object value) {
        return MAPPER.writeValueAsBytes(value);
    }

    static HttpAnswer.Whole answer(int status, Object value) {
        return new HttpAnswer.Whole(status, TYPE, bytes(value), Map.of());
    }

    /** The body of a request, which must call itself JSON: a form on some web page cannot make a browser send that. */
    static <T> T read(HttpRequest request, Class<T> type) {
        check(request);
        try {
            T value = MAPPER.readValue(request.body(), type);
            if (value == null) {
                throw new IllegalArgumentException("the body is null; see /v1/openapi.json");
            }
            return value;
        } catch (JacksonException e) {
            throw new IllegalArgumentException(
                    "the body is not what is expected: " + e.getOriginalMessage() + where(e) + "; see /v1/openapi.json",
                    e);
        }
    }

    /** Refuses a body that does not call itself JSON. */
    static void check(HttpRequest request) {
        if (!request.contentType().equals(TYPE)) {
            throw new IllegalArgumentException("the content type is '" + request.contentType() + "'; send " + TYPE);
        }
    }

    private static String where(JacksonException e) {
        return e.getLocation() == null
                ? ""
                : " (line " + e.getLocation().getLineNr() + ", column "
                        + e.getLocation().getColumnNr() + ")";
    }
}
