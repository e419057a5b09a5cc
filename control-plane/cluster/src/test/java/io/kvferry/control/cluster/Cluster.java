package io.kvferry.control.cluster;

import io.kvferry.conformance.FakeTicker;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerIdentity;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** A controller on a clock that the test moves, with nodes that it plays. */
final class Cluster implements AutoCloseable {
    static final Duration LEASE = Duration.ofSeconds(15);
    static final Duration INTERVAL = Duration.ofSeconds(3);

    final FakeTicker ticker = new FakeTicker();
    private final BackendConfig config;
    Controller controller;

    Cluster() {
        this(BackendConfig.DEFAULTS);
    }

    Cluster(BackendConfig values) {
        config = values.with(ControllerConfigKeys.PORT, 0);
        controller = Controller.open(config, ticker, ticker.scheduler());
    }

    /** Opens another controller over the same configuration. */
    Controller another() {
        return Controller.open(config, ticker, ticker.scheduler());
    }

    Deadline soon() {
        return ticker.in(Duration.ofSeconds(10));
    }

    static NodeRegistration registration(String node, long bootId) {
        return registration(node, bootId, Keys.SCHEME);
    }

    static NodeRegistration registration(String node, long bootId, KeyScheme scheme) {
        return new NodeRegistration(
                new PeerIdentity(node, bootId),
                node.substring(0, 1),
                Map.of(NodeRegistration.PEER_CONTROL, node + ":1"),
                scheme,
                NodeRegistration.SCHEMA_VERSION,
                "test");
    }

    /** A node that is registered and holds these chunks in main memory. */
    TestNode node(String id, ChunkKeys keys) {
        return node(registration(id, 1), keys);
    }

    TestNode node(NodeRegistration registration, ChunkKeys keys) {
        TestLink link = new TestLink();
        NodeSession session = controller.connect(registration, link, soon());
        session.takeOrders();
        session.beginSync();
        session.addToSync(Tier.HOST, keys);
        session.finishSync(Optional.empty());
        return new TestNode(link, session);
    }

    record TestNode(TestLink link, NodeSession session) {
        void keepAlive() {
            session.keepAlive(NodeStats.NONE);
        }

        void busy(int percent) {
            session.keepAlive(new NodeStats(percent, 0, 0, 0, 0, 0, 0, 0));
        }
    }

    LookupAnswer lookup(ChunkKeys keys) {
        return controller.lookup(new Lookup(Keys.SCHEME.name(), keys, "", Lookup.MAX_HOLDERS));
    }

    Explanation explain(ChunkKeys keys) {
        return controller.explain(Lookup.of(Keys.SCHEME.name(), keys, ""));
    }

    NodeState state(String node) {
        return controller.nodes().stream()
                .filter(view -> view.registration().identity().nodeId().equals(node))
                .map(NodeView::state)
                .findFirst()
                .orElse(NodeState.GONE);
    }

    long counter(String name) {
        return controller.view().counters().get(name);
    }

    @Override
    public void close() {
        controller.close();
    }
}
