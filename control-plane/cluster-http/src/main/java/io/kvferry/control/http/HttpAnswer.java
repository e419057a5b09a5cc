package io.kvferry.control.http;

import java.nio.charset.StandardCharsets;
import java.util.Map;

/** What a route answers. */
sealed interface HttpAnswer {
    /** Everything at once. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Whole(int status, String contentType, byte[] body, Map<String, String> headers) implements HttpAnswer {
        Whole with(String header, String value) {
            return new Whole(status, contentType, body, Map.of(header, value));
        }
    }

    /** Server-sent events, until one side has enough. */
    record Stream(EventFeed feed) implements HttpAnswer {}

    static Whole text(int status, String text) {
        return new Whole(status, "text/plain; charset=utf-8", text.getBytes(StandardCharsets.UTF_8), Map.of());
    }

    static Whole bytes(String contentType, byte[] body) {
        return new Whole(200, contentType, body, Map.of());
    }
}
