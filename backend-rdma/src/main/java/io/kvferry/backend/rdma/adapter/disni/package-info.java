/**
 * DiSNI: RDMA through IBM's Java library and its {@code libdisni}, which is not maintained any more. Used below its
 * endpoints, whose connect waits for ever and whose states confuse a lost peer with a connected one: connections are
 * made from the events of the connection manager, each under a deadline. Nothing of DiSNI is seen outside.
 *
 * <p>Threads: as {@link io.kvferry.backend.rdma.adapter} says; DiSNI is called by the owner thread alone, except to open and
 * to register. Start reading at {@code DisniAdapter}, then {@code DisniConnection}, then {@code DisniQueuePair}.
 */
@NullMarked
package io.kvferry.backend.rdma.adapter.disni;

import org.jspecify.annotations.NullMarked;
