/**
 * A front of the controller in the protocol of LMCache: its workers register, admit, evict and look up over ZeroMQ, and are
 * nodes of the same cluster as all others. Start with {@link io.kvferry.control.lmcache.LmCacheFront}.
 *
 * <p>Two threads read the sockets; what waits for the store or for a worker runs on threads of its own.
 */
@NullMarked
package io.kvferry.control.lmcache;

import org.jspecify.annotations.NullMarked;
