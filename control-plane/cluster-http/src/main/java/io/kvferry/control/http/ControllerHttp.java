package io.kvferry.control.http;

import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.HttpExtension;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A controller's HTTP port, for people and tools.
 *
 * <p><b>Life cycle:</b> {@link #open} returns a port that answers; {@link #close} ends all its connections and leaves the
 * controller as it is. Close it before the controller.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class ControllerHttp implements AutoCloseable {
    private final HttpPort port;
    private final Router router;
    private final LiveFeed live;

    private ControllerHttp(HttpPort port, Router router, LiveFeed live) {
        this.port = port;
        this.router = router;
        this.live = live;
    }

    /**
     * Opens the port of a controller.
     *
     * @param controller who is asked; borrowed
     * @param config values for {@link HttpConfigKeys#all}
     * @return a port that answers
     * @throws TransferException INVALID_REQUEST if it cannot listen there, or what the store says when it does not answer
     */
    public static ControllerHttp open(Controller controller, BackendConfig config) {
        return open(controller, config, List.of());
    }

    /**
     * Opens the port of a controller that has other fronts.
     *
     * @param controller who is asked; borrowed
     * @param config values for {@link HttpConfigKeys#all}
     * @param extensions what the other fronts add; borrowed
     * @return a port that answers
     * @throws TransferException INVALID_REQUEST if it cannot listen there, or what the store says when it does not answer
     */
    public static ControllerHttp open(Controller controller, BackendConfig config, List<HttpExtension> extensions) {
        PeerAddress address = address(config.get(HttpConfigKeys.LISTEN));
        HttpLimits limits = new HttpLimits(
                Math.toIntExact(config.get(HttpConfigKeys.MAX_BODY)),
                config.get(HttpConfigKeys.MAX_CONNECTIONS),
                config.get(HttpConfigKeys.MAX_STREAMS),
                config.get(HttpConfigKeys.REQUEST_TIMEOUT));
        MooncakeMetadata metadata = MooncakeMetadata.open(
                controller.store(),
                config.get(HttpConfigKeys.MAX_METADATA_KEYS),
                Deadline.after(limits.requestTimeout()));
        HttpCounters counters = new HttpCounters();
        Traffic traffic = new Traffic();
        LiveFeed live = new LiveFeed(controller, traffic, InstantSource.system());
        try {
            List<Route> routes = new ArrayList<>(Assets.routes());
            routes.addAll(new ClusterRoutes(controller, live, extensions).routes());
            routes.add(Route.get(
                    "/metrics",
                    _ -> Metrics.answer(controller.view(), traffic, counters, metadata.size(), extensions)));
            routes.addAll(metadata.routes());
            for (HttpExtension extension : extensions) {
                extension.endpoints().forEach(endpoint -> routes.add(route(extension, endpoint)));
            }
            Router router = new Router(routes);
            HttpPort port = HttpPort.open(address, limits, router, counters, Ticker.system());
            live.start();
            return new ControllerHttp(port, router, live);
        } catch (RuntimeException e) {
            live.close();
            throw e;
        }
    }

    private static Route route(HttpExtension extension, HttpExtension.Endpoint endpoint) {
        return new Route(endpoint.method(), endpoint.path(), request -> {
            if (endpoint.method().equals("POST")) {
                Json.check(request);
            }
            HttpExtension.Answer answer =
                    extension.answer(endpoint, request.query(), request.body(), request.deadline());
            return new HttpAnswer.Whole(answer.status(), Json.TYPE, answer.json(), Map.of());
        });
    }

    private static PeerAddress address(String text) {
        try {
            return PeerAddress.parse(text);
        } catch (IllegalArgumentException e) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.OPEN,
                    HttpConfigKeys.LISTEN.name() + "=" + text + ": " + e.getMessage(),
                    e);
        }
    }

    /**
     * Returns where it listens.
     *
     * @return the address, with the port that was taken
     */
    public PeerAddress address() {
        return port.address();
    }

    /** What it answers, to be compared with its description. */
    List<Route> routes() {
        return router.routes();
    }

    /** Ends all connections. */
    @Override
    public void close() {
        live.close();
        port.close();
    }
}
