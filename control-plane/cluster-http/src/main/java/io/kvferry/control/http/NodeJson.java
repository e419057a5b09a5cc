package io.kvferry.control.http;

import io.kvferry.control.cluster.KeyScheme;
import io.kvferry.control.cluster.NodeStats;
import io.kvferry.control.cluster.NodeView;
import java.util.Map;
import java.util.TreeMap;

/** A node, for people and tools. */
record NodeJson(
        String id,
        String bootId,
        String instance,
        String state,
        Map<String, String> addresses,
        KeySchemeJson keyScheme,
        int schemaVersion,
        String software,
        long sinceHeardMillis,
        long leaseLeftMillis,
        boolean connected,
        boolean synced,
        long chunks,
        NodeStats stats) {

    static NodeJson of(NodeView node) {
        var registration = node.registration();
        return new NodeJson(
                registration.identity().nodeId(),
                Long.toHexString(registration.identity().bootId()),
                registration.instance(),
                node.state().name(),
                new TreeMap<>(registration.addresses()),
                KeySchemeJson.of(registration.scheme()),
                registration.schemaVersion(),
                registration.software(),
                node.sinceHeard().toMillis(),
                node.leaseLeft().toMillis(),
                node.connected(),
                node.synced(),
                node.chunks(),
                node.stats());
    }

    /** How its chunk keys are made. */
    record KeySchemeJson(String name, int keyBytes, int chunkTokens) {
        static KeySchemeJson of(KeyScheme scheme) {
            return new KeySchemeJson(scheme.name(), scheme.keyBytes(), scheme.chunkTokens());
        }
    }
}
