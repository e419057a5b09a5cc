package io.kvferry.control.http;

import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.Explanation;
import io.kvferry.control.cluster.HttpExtension;
import io.kvferry.control.cluster.Lookup;
import io.kvferry.control.cluster.NodeView;
import io.kvferry.control.cluster.OrderStatus;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.List;

/** What can be asked of a controller, as JSON. */
final class ClusterRoutes {
    private final Controller controller;
    private final LiveFeed live;
    private final List<HttpExtension> extensions;

    ClusterRoutes(Controller controller, LiveFeed live, List<HttpExtension> extensions) {
        this.controller = controller;
        this.live = live;
        this.extensions = extensions;
    }

    List<Route> routes() {
        return List.of(
                Route.get("/healthz", _ -> HttpAnswer.text(200, "ok\n")),
                Route.get("/readyz", _ -> ready()),
                Route.get("/v1/overview", _ -> Json.answer(200, live.overview())),
                Route.get("/v1/events", _ -> new HttpAnswer.Stream(live)),
                Route.get("/v1/nodes", _ -> nodes()),
                Route.get("/v1/nodes/{id}", request -> node(request.variable("id"))),
                Route.get("/v1/instances/{instance}", request -> instance(request.variable("instance"))),
                Route.post("/v1/lookup", this::lookup),
                Route.post("/v1/explain", this::explain),
                Route.post("/v1/orders", this::order),
                Route.get("/v1/orders", _ -> orders()),
                Route.get("/v1/orders/{id}", request -> checkOrder(request.variable("id"))));
    }

    /** Without its store a controller neither takes members nor orders; an index that is not complete yet still answers. */
    private HttpAnswer ready() {
        ReadyJson ready = new ReadyJson(controller.isReady(), controller.isIndexComplete());
        return Json.answer(ready.ready() ? 200 : 503, ready);
    }

    private HttpAnswer nodes() {
        return Json.answer(
                200, new NodesJson(controller.nodes().stream().map(NodeJson::of).toList()));
    }

    private HttpAnswer node(String id) {
        return Json.answer(200, NodeJson.of(find(id)));
    }

    private HttpAnswer instance(String name) {
        List<NodeJson> nodes = controller.nodes().stream()
                .filter(node -> node.registration().instance().equals(name))
                .map(NodeJson::of)
                .toList();
        if (nodes.isEmpty()) {
            throw unknown("instance " + name + " has no node here");
        }
        return Json.answer(200, new NodesJson(nodes));
    }

    private NodeView find(String id) {
        return controller.nodes().stream()
                .filter(node -> node.registration().identity().nodeId().equals(id))
                .findFirst()
                .orElseThrow(() -> unknown("node " + id + " is not registered"));
    }

    private PeerIdentity identity(String id) {
        return find(id).registration().identity();
    }

    private HttpAnswer lookup(HttpRequest request) {
        return Json.answer(
                200,
                LookupJson.of(
                        controller.lookup(Json.read(request, ChainJson.class).lookup())));
    }

    private HttpAnswer explain(HttpRequest request) {
        Lookup lookup = Json.read(request, ChainJson.class).lookup();
        Explanation why = controller.explain(lookup);
        StringBuilder detail = new StringBuilder(why.detail());
        for (HttpExtension extension : extensions) {
            extension.remarks(lookup).forEach(remark -> detail.append("; ").append(remark));
        }
        return Json.answer(
                200,
                new ExplanationJson(why.reason().name(), why.prefixChunks(), why.firstMissing(), detail.toString()));
    }

    private HttpAnswer order(HttpRequest request) {
        var order = Json.read(request, OrderRequestJson.class).order(this::identity);
        OrderStatus taken = controller.order(order, request.deadline());
        return Json.answer(202, OrderJson.of(taken)).with("Location", "/v1/orders/" + taken.id());
    }

    private HttpAnswer orders() {
        return Json.answer(
                200,
                new OrdersJson(controller.orders().stream().map(OrderJson::of).toList()));
    }

    private HttpAnswer checkOrder(String id) {
        return controller
                .order(id)
                .map(order -> Json.answer(200, OrderJson.of(order)))
                .orElseThrow(() -> unknown("order " + id + " is not known, or finished too long ago"));
    }

    private static TransferException unknown(String detail) {
        return new TransferException(TransferErrorCode.NOT_FOUND, Stage.HELLO, detail);
    }

    /** Whether to send requests here. */
    record ReadyJson(boolean ready, boolean indexComplete) {}

    /** Nodes that are not gone. */
    record NodesJson(List<NodeJson> nodes) {}

    /** Orders that are remembered. */
    record OrdersJson(List<OrderJson> orders) {}

    /** Why a look-up finds what it finds. */
    record ExplanationJson(String reason, int prefixChunks, int firstMissing, String detail) {}
}
