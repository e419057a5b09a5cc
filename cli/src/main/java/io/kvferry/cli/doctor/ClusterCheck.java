package io.kvferry.cli.doctor;

import io.kvferry.control.cluster.ClusterClient;
import io.kvferry.control.cluster.NodeRegistration;
import io.kvferry.control.cluster.NodeState;
import io.kvferry.control.cluster.NodeView;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Asks every controller who is registered: a round trip through what serves nodes, not a mere connection. */
public final class ClusterCheck {
    private ClusterCheck() {}

    /**
     * Asks controllers and compares what their nodes say of themselves.
     *
     * @param controllers addresses as they are configured
     * @param config values for the cluster's keys
     * @param timeout for each controller
     * @return a finding for each controller, node and point that nodes must agree on
     */
    public static List<Finding> run(List<String> controllers, BackendConfig config, Duration timeout) {
        List<Finding> findings = new ArrayList<>();
        List<NodeView> nodes = List.of();
        for (String controller : controllers) {
            try {
                List<NodeView> known = ask(PeerAddress.parse(controller), config, timeout);
                findings.add(Finding.good("controller " + controller, "answers; knows " + known.size() + " nodes"));
                nodes = known.size() > nodes.size() ? known : nodes;
            } catch (TransferException | IllegalArgumentException e) {
                findings.add(Finding.bad(
                        "controller " + controller,
                        String.valueOf(e.getMessage()),
                        "start it with 'kvferry controller --listen " + controller
                                + "', or change kvferry.cluster.controllers"));
            }
        }
        nodes.forEach(node -> findings.add(node(node)));
        if (!nodes.isEmpty()) {
            findings.add(
                    agreement(
                            nodes,
                            "key scheme",
                            node -> node.scheme().toString(),
                            "give all nodes of a model the same key scheme and chunk size: chunks are found only under the same"));
            findings.add(agreement(
                    nodes,
                    "schema version",
                    node -> String.valueOf(node.schemaVersion()),
                    "bring all nodes to the same release"));
            findings.add(
                    agreement(nodes, "software", NodeRegistration::software, "bring all nodes to the same release"));
        }
        return findings;
    }

    private static List<NodeView> ask(PeerAddress controller, BackendConfig config, Duration timeout) {
        try (ClusterClient client = ClusterClient.builder()
                .config(config)
                .controllers(List.of(controller))
                .open()) {
            return client.nodes(Deadline.after(timeout));
        }
    }

    private static Finding node(NodeView node) {
        String check = "node " + node.registration().identity().nodeId();
        if (node.state() != NodeState.LIVE) {
            return Finding.bad(
                    check,
                    "not heard of for " + node.sinceHeard().toMillis() + " ms; look-ups skip it",
                    "see whether its process runs and reaches the controller");
        }
        if (!node.synced()) {
            return Finding.bad(
                    check,
                    "registered, but has not told what it holds",
                    "run this again in a moment; if it stays so, see the node's log");
        }
        return Finding.good(check, "registered, holds " + node.chunks() + " chunks");
    }

    /** Which nodes say what. */
    private static Finding agreement(
            List<NodeView> nodes, String what, Function<NodeRegistration, String> value, String remedy) {
        Map<String, List<String>> saying = nodes.stream()
                .map(NodeView::registration)
                .collect(Collectors.groupingBy(
                        value,
                        TreeMap::new,
                        Collectors.mapping(node -> node.identity().nodeId(), Collectors.toList())));
        if (saying.size() == 1) {
            return Finding.good("same " + what, saying.keySet().iterator().next());
        }
        String detail = saying.entrySet().stream()
                .map(entry -> entry.getKey() + ": " + String.join(", ", entry.getValue()))
                .collect(Collectors.joining("; "));
        return Finding.bad("same " + what, detail, remedy);
    }
}
