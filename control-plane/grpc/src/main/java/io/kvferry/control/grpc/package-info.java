/**
 * What the gRPC ports of KVFerry share: threads, bounds on what comes in, errors on the wire, messages as bytes.
 *
 * <p>For KVFerry's own control plane; it may change in every release.
 *
 * <p>Threads: everything is thread-safe; calls are received on event loops. Start reading at
 * {@link io.kvferry.control.grpc.EventLoops} and {@link io.kvferry.control.grpc.UnaryCalls}.
 */
@NullMarked
package io.kvferry.control.grpc;

import org.jspecify.annotations.NullMarked;
