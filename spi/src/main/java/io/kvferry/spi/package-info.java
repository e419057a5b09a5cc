/**
 * The contract between the engine, its backends and its peer control: memory, blocks, deadlines, states and error
 * codes.
 *
 * <p>Threads: every type states its own rule. Start reading at {@link io.kvferry.spi.TransferBackendProvider}.
 */
@NullMarked
package io.kvferry.spi;

import org.jspecify.annotations.NullMarked;
