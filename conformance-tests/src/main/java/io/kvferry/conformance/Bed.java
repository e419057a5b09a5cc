package io.kvferry.conformance;

import io.kvferry.engine.Lease;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.PeerControlProvider;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.TransferId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Two engines with the backend under test, on one clock and one network that tests control. */
final class Bed {
    private final BackendHarness harness;
    private final FakeTicker ticker = new FakeTicker();
    private final FakeNetwork network = FakeNetwork.create(FaultPlan.seeded());
    private final List<Node> nodes = new ArrayList<>();
    private final List<Runnable> owned = new ArrayList<>();
    private final Set<Node> abandoned = new HashSet<>();
    private final Node initiator;
    private final Node target;

    Bed(BackendHarness harness) {
        this(harness, Map.of(), new Watch(), new Watch());
    }

    Bed(BackendHarness harness, Map<String, String> config, Watch initiatorWatch, Watch targetWatch) {
        this.harness = harness;
        try {
            this.initiator = open("initiator", initiatorWatch, config);
            this.target = open("target", targetWatch, config);
        } catch (RuntimeException e) {
            nodes.forEach(Node::close);
            throw e;
        }
    }

    Node open(String nodeId, Watch watch, Map<String, String> config) {
        return open(nodeId, watch, config, network.provider());
    }

    /** Opens an engine where another one was: a restarted process. */
    Node restart(String nodeId, PeerAddress address) {
        return open(nodeId, new Watch(), Map.of(), network.provider(address));
    }

    private Node open(String nodeId, Watch watch, Map<String, String> config, PeerControlProvider provider) {
        Node node = new Node(harness, ticker, provider, nodeId, watch, config);
        nodes.add(node);
        return node;
    }

    /** A peer without an engine, which can say whatever it likes. */
    PeerControl stranger(PeerIdentity identity) {
        PeerControl control = network.provider()
                .open(
                        BackendConfig.DEFAULTS,
                        new BackendEnvironment(identity, ticker, ticker.scheduler(), "stranger.fake", "stranger.fake"));
        return control;
    }

    FakeTicker ticker() {
        return ticker;
    }

    FakeNetwork network() {
        return network;
    }

    FaultPlan wire() {
        return network.faults();
    }

    Node initiator() {
        return initiator;
    }

    Node target() {
        return target;
    }

    List<Node> nodes() {
        return nodes;
    }

    /** Says that this test leaves memory behind at a node, on purpose. */
    void abandon(Node node) {
        abandoned.add(node);
    }

    boolean isAbandoned(Node node) {
        return abandoned.contains(node);
    }

    /** Closes something once the engines are closed. */
    void own(Runnable close) {
        owned.add(close);
    }

    void closeOwned() {
        owned.forEach(Runnable::run);
    }

    Deadline in(Duration duration) {
        return ticker.in(duration);
    }

    /** A deadline that only an advancing clock reaches. */
    Deadline far() {
        return ticker.in(Node.LONG);
    }

    /** Offers, prepares, submits, waits, finishes; both ends must complete. */
    void move(Operation operation, BlockList local, BlockList remote) {
        move(initiator, target, operation, local, remote);
    }

    void move(Node from, Node to, Operation operation, BlockList local, BlockList remote) {
        TransferId id = TransferId.random();
        try (Lease lease = to.offer(id, operation, remote);
                Transfer transfer = from.prepare(id, operation, to, local)) {
            transfer.submit();
            result(transfer).orThrow();
            transfer.finish();
            result(lease).orThrow();
        }
    }

    TransferResult result(Transfer transfer) {
        return Await.call("end of the transfer, which is " + transfer.status(), () -> transfer.await(far()));
    }

    TransferResult result(Lease lease) {
        return Await.call("end of the lease, which is " + lease.status(), () -> lease.await(far()));
    }
}
