/**
 * What an application calls: one engine per process or node, which owns the life cycle of every transfer, lease and piece
 * of memory, for all backends alike.
 *
 * <p>Threads: callers may block in calls that take a {@link io.kvferry.spi.Deadline}; listeners run on the engine's
 * executor. Start reading at {@link io.kvferry.engine.TransferEngine}.
 *
 * <p>Inside, what an application holds is a handle on what the engine has: {@code Transfer} on {@code InitiatorAttempt},
 * {@code Lease} on {@code TargetLease}, which lets in a {@code TargetAttempt} for each PREPARE. An attempt of either side
 * goes the same way: what was agreed ({@code Prepared}, {@code Admission}), one outcome ({@code Ending}), the backend's side
 * finished and the memory settled ({@code MemoryHold}), then the report ({@code EndReports}).
 */
@NullMarked
package io.kvferry.engine;

import org.jspecify.annotations.NullMarked;
