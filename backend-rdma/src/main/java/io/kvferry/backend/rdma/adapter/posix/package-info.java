/**
 * What adapters ask of the operating system: waiting for file descriptors, error numbers, the limit on locked memory. For the
 * packages beside this one alone; not part of what the module promises.
 *
 * <p>Threads: each class says. Start reading at {@link io.kvferry.backend.rdma.adapter.posix.WaitSet}.
 */
@NullMarked
package io.kvferry.backend.rdma.adapter.posix;

import org.jspecify.annotations.NullMarked;
