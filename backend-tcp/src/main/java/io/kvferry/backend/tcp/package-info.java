/**
 * Moves blocks between machines over TCP, straight from and into registered memory, with Netty.
 *
 * <p>Everything about one connection (a <em>lane</em>) runs on its Netty event loop; callers hand it tasks. What several
 * lanes share (slot table, gates, claims) is thread-safe by itself. Read {@code TcpBackend} first, then {@code Lane}.
 */
@NullMarked
package io.kvferry.backend.tcp;

import org.jspecify.annotations.NullMarked;
