/**
 * Native memory under Netty: sockets read straight into registered regions and write straight from them. What the
 * backends that speak over sockets share; it knows nothing of any wire.
 *
 * <p>Threads: windows and cursors are confined to an event loop, everything else is thread-safe. Read {@code WindowBuf}
 * first.
 */
@NullMarked
package io.kvferry.netty;

import org.jspecify.annotations.NullMarked;
