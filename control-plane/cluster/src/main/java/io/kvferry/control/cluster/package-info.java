/**
 * The controller of a cluster: which nodes are alive, which node holds which chunk, and orders to nodes; with the client
 * that a node talks to controllers with.
 *
 * <p>Threads: callers may block only in calls that take a deadline. Netty event loops carry calls, a small pool applies what
 * nodes stream, virtual threads run what blocks. Start reading at {@link io.kvferry.control.cluster.Controller}; the wire
 * is {@code kvferry/cluster/v1/cluster.proto}, and a node's side of it {@link io.kvferry.control.cluster.ClusterClient}.
 */
@NullMarked
package io.kvferry.control.cluster;

import org.jspecify.annotations.NullMarked;
