/**
 * Moves CUDA memory with NCCL, two-sided: each part of a transfer is agreed over the transfer's channel, and only then do
 * both sides start their half of it on the GPU.
 *
 * <p>One part of a WRITE, step by step: a {@code NcclInitiator} asks with a {@code Request}; the {@code NcclTarget} checks it
 * against its lease, gives it the next number of their {@code Connection}, answers {@code Ready} and posts its receive; the
 * initiator posts its send in the order of the numbers; when the receiving stream has the bytes the target says {@code
 * Landed}. A READ is the same with the roles of send and receive changed. What NCCL cannot undo is drained, and where that
 * takes too long the engine fences: the {@code Connection} is aborted.
 *
 * <p>Threads: one {@code DeviceThread} per opened backend owns every NCCL call and all state of connections and parts; other
 * threads hand it work. Start reading at {@link io.kvferry.backend.nccl.NcclBackendProvider}, then at {@code NcclBackend}.
 */
@NullMarked
package io.kvferry.backend.nccl;

import org.jspecify.annotations.NullMarked;
