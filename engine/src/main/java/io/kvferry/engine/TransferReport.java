package io.kvferry.engine;

import io.kvferry.spi.Operation;
import io.kvferry.spi.Side;
import io.kvferry.spi.TransferId;

/**
 * The one event in which a transfer ends on one side (R19). A target's listener gets one for the lease, with the figures of
 * the attempt on it that was decided last.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param id the transfer
 * @param attempt its attempt; 0 for a lease that no attempt used
 * @param side which side reports
 * @param operation WRITE or READ
 * @param peer the other side's node and boot id; empty where none came
 * @param backend the backend that moved the bytes; empty where none was chosen
 * @param selection why this backend: the ones skipped before it, each with its reason; empty where it was the first
 * @param result the outcome
 * @param bytes bytes that this side knows to be applied
 * @param blocks blocks that this side knows to be applied
 * @param unmatched blocks of the request that no leased block matched
 * @param prepareNanos from the request to PREPARED or its refusal; for a lease that no attempt used, how long it was offered
 * @param submitNanos from PREPARED to the first submit, or to the outcome where nothing was submitted; 0 at a target
 * @param transferNanos from the first submit, at a target from PREPARED, to the outcome
 * @param finishNanos from the outcome to the release of this side's memory, as far as it had come
 * @since 0.1.0
 */
public record TransferReport(
        TransferId id,
        int attempt,
        Side side,
        Operation operation,
        String peer,
        String backend,
        String selection,
        TransferResult result,
        long bytes,
        int blocks,
        int unmatched,
        long prepareNanos,
        long submitNanos,
        long transferNanos,
        long finishNanos) {}
