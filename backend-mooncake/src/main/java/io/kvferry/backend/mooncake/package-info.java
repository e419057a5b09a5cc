/**
 * Speaks Mooncake's own wire to any peer that does, in Java; or drives Mooncake's native transfer engine where it is
 * installed.
 *
 * <p>Everything about one connection runs on its Netty event loop; the native engine is polled by one thread of its own;
 * what they share is thread-safe by itself. Read {@code WireBackend} first, then {@code ClientLane} and {@code ServerLane}.
 */
@NullMarked
package io.kvferry.backend.mooncake;

import org.jspecify.annotations.NullMarked;
