/**
 * Peer control over gRPC: hello, prepare, part, cancel, finish, notify and the channel of a transfer, between two nodes.
 *
 * <p>Threads: Netty event loops carry calls both ways and complete callers' futures; each request is answered on a
 * virtual thread of its own, which may block. Start reading at {@link io.kvferry.control.peer.GrpcPeerControlProvider};
 * the wire is {@code kvferry/peer/v1/peer.proto}.
 */
@NullMarked
package io.kvferry.control.peer;

import org.jspecify.annotations.NullMarked;
