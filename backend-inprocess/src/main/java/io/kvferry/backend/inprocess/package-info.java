/**
 * The reference backend: two engines in one JVM, and a worker thread that copies between their memories.
 *
 * <p>One copy, step by step: an {@code InProcessInitiator} cuts what is submitted into {@code Part}s, a {@code Worker}
 * runs them in turns, a {@code Link} copies slice by slice from one {@code TransferSide} to the other, and the
 * {@code MemoryGate} of each side says whether its memory may still be touched.
 *
 * <p>Threads: every type states its own rule; one worker thread per opened backend copies. Start reading at
 * {@link io.kvferry.backend.inprocess.InProcessBackendProvider}, then at {@code InProcessBackend}.
 */
@NullMarked
package io.kvferry.backend.inprocess;

import org.jspecify.annotations.NullMarked;
