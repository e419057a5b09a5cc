/**
 * Speaks the TCP wire of Mooncake's transfer engine, in Java, to any peer that does: as initiator and as target.
 *
 * <p>Or drives the installed library; {@code NativeBackend} is the first to read of that, and the thread of {@code
 * NativeDriver} does everything in it.
 *
 * <p>Of the wire, everything about one connection runs on its Netty event loop; what connections share is
 * thread-safe by itself. Read {@code WireBackend} first, then {@code ClientLane} and {@code ServerLane}.
 */
@NullMarked
package io.kvferry.backend.mooncake;

import org.jspecify.annotations.NullMarked;
