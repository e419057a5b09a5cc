package io.kvferry.control.http;

import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Finds who answers a request, and turns failures into answers: nothing that a client sends ends up as a broken connection. */
final class Router {
    private static final Logger LOG = LoggerFactory.getLogger(Router.class);

    private final List<Route> routes;

    Router(List<Route> routes) {
        this.routes = List.copyOf(routes);
    }

    List<Route> routes() {
        return routes;
    }

    HttpAnswer answer(HttpRequest request) {
        TreeSet<String> methods = new TreeSet<>();
        for (Route route : routes) {
            Optional<Map<String, String>> variables = route.match(request.path());
            if (variables.isEmpty()) {
                continue;
            }
            // HEAD is GET of which the body is not sent
            if (route.method().equals(request.method().equals("HEAD") ? "GET" : request.method())) {
                return answer(route, request.with(variables.get()));
            }
            methods.add(route.method());
        }
        if (!methods.isEmpty()) {
            String allowed = String.join(", ", methods);
            return error(
                            405,
                            TransferErrorCode.UNSUPPORTED,
                            request.method() + " is not for " + request.path() + ", but " + allowed)
                    .with("Allow", allowed);
        }
        return error(404, TransferErrorCode.NOT_FOUND, "there is no " + request.path() + "; see /v1/openapi.json");
    }

    private static HttpAnswer answer(Route route, HttpRequest request) {
        try {
            return route.handler().answer(request);
        } catch (TransferException e) {
            TransferError error = e.error();
            return error(HttpStatus.of(error.code()), error.code(), error.detail());
        } catch (IllegalArgumentException e) {
            // the checks of the records that requests are made into
            return error(400, TransferErrorCode.INVALID_REQUEST, String.valueOf(e.getMessage()));
        } catch (RuntimeException e) {
            LOG.error("{} {} failed", request.method(), request.path(), e);
            return error(500, TransferErrorCode.INTERNAL, "a bug; the controller's log says more");
        }
    }

    static HttpAnswer.Whole error(int status, TransferErrorCode code, String detail) {
        return Json.answer(status, new ErrorJson(code.name(), code.number(), detail));
    }

    /** Refuses what is no request for any route. */
    static HttpAnswer.Whole refusal(int status, String detail) {
        return error(status, TransferErrorCode.PROTOCOL_ERROR, detail);
    }
}
