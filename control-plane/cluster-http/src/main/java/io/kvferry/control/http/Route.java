package io.kvferry.control.http;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * One method on one kind of path.
 *
 * @param template the path, with parts such as {@code {id}} that match anything but a slash
 */
record Route(String method, String template, Handler handler) {
    /** Answers a request; may block until the request's deadline, and throw. */
    @FunctionalInterface
    interface Handler {
        HttpAnswer answer(HttpRequest request);
    }

    static Route get(String template, Handler handler) {
        return new Route("GET", template, handler);
    }

    static Route post(String template, Handler handler) {
        return new Route("POST", template, handler);
    }

    /** The named parts of a path that fits, or nothing. */
    Optional<Map<String, String>> match(String path) {
        String[] expected = template.split("/", -1);
        String[] actual = path.split("/", -1);
        if (expected.length != actual.length) {
            return Optional.empty();
        }
        Map<String, String> variables = new HashMap<>();
        for (int i = 0; i < expected.length; i++) {
            if (expected[i].startsWith("{")) {
                variables.put(expected[i].substring(1, expected[i].length() - 1), actual[i]);
            } else if (!expected[i].equals(actual[i])) {
                return Optional.empty();
            }
        }
        return Optional.of(variables);
    }
}
