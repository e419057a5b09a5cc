package io.kvferry.engine;

import io.kvferry.spi.Operation;
import io.kvferry.spi.Side;
import io.kvferry.spi.TransferId;

/**
 * The one event in which a transfer ends on one side (R19).
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
 * @param bytes bytes applied
 * @param blocks blocks applied
 * @param unmatched blocks of the request that no leased block matched
 * @param prepareNanos from the request to PREPARED
 * @param submitNanos from PREPARED to the first submit
 * @param transferNanos from the first submit to the outcome
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
