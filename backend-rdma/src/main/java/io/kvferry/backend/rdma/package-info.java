/**
 * The RDMA backend: one-sided reads and writes between registered memories, over whichever library the machine has.
 *
 * <p>All logic is here and knows no library; libraries are behind {@link io.kvferry.backend.rdma.adapter.RdmaAdapter}.
 * Threads: one owner thread drives the adapter and everything on connections; callers hand it tasks. Start reading at
 * {@code RdmaBackend}, then {@code OutgoingLink}.
 */
@NullMarked
package io.kvferry.backend.rdma;

import org.jspecify.annotations.NullMarked;
