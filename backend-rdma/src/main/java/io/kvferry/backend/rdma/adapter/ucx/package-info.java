/**
 * UCX, through jucx: RDMA where the machine has it, TCP and shared memory where not. No type of jucx leaves this package.
 *
 * <p>Threads: a worker belongs to the adapter's owner thread; registration and {@code wake} are thread-safe. Start reading at
 * {@code UcxAdapter}, then {@code UcxConnection}.
 */
@NullMarked
package io.kvferry.backend.rdma.adapter.ucx;

import org.jspecify.annotations.NullMarked;
