package io.kvferry.control.http;

import io.kvferry.spi.Deadline;
import java.util.Map;
import java.util.Optional;

/**
 * A request that has arrived whole.
 *
 * @param path decoded, without the query
 * @param variables parts of the path that the route names
 * @param query the first value of each parameter
 * @param contentType without parameters, in lower case; empty if none was sent
 * @param deadline until when the answer is worth something
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record HttpRequest(
        String method,
        String path,
        Map<String, String> variables,
        Map<String, String> query,
        String contentType,
        byte[] body,
        Deadline deadline) {

    /** The same request with the parts of the path that its route names. */
    HttpRequest with(Map<String, String> pathVariables) {
        return new HttpRequest(method, path, pathVariables, query, contentType, body, deadline);
    }

    /** A part of the path that the route names. */
    String variable(String name) {
        return Optional.ofNullable(variables.get(name)).orElseThrow();
    }

    /** A parameter of the query, which must be there. */
    String parameter(String name) {
        String value = query.get(name);
        if (value == null || value.isEmpty()) {
            throw new IllegalArgumentException("the parameter " + name + " is missing: " + path + "?" + name + "=…");
        }
        return value;
    }
}
