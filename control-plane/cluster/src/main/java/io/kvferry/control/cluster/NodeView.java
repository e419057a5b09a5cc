package io.kvferry.control.cluster;

import java.time.Duration;

/**
 * A node as a controller sees it at one moment.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param registration what it told when it registered
 * @param state what the controller thinks of it
 * @param sinceHeard how long ago it was heard of
 * @param leaseLeft how much of its lease is left by that
 * @param connected whether it has a session with this controller
 * @param synced whether this controller knows what it holds
 * @param chunks how many pairs of chunk and tier it is known to hold
 * @param stats what it last told of itself
 * @since 0.1.0
 */
public record NodeView(
        NodeRegistration registration,
        NodeState state,
        Duration sinceHeard,
        Duration leaseLeft,
        boolean connected,
        boolean synced,
        long chunks,
        NodeStats stats) {}
