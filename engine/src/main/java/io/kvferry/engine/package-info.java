/**
 * What an application calls: one engine per process or node, which owns the life cycle of every transfer, lease and piece
 * of memory, for all backends alike.
 *
 * <p>Threads: callers may block in calls that take a {@link io.kvferry.spi.Deadline}; listeners run on the engine's
 * executor. Start reading at {@link io.kvferry.engine.TransferEngine}.
 */
@NullMarked
package io.kvferry.engine;

import org.jspecify.annotations.NullMarked;
