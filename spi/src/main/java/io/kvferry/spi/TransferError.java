package io.kvferry.spi;

import java.util.Objects;

/**
 * Everything that is known about one failure (R7).
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param code what went wrong
 * @param number the code's number as received, kept even where {@code code} is UNRECOGNIZED
 * @param stage where in the life of a transfer
 * @param side on which side
 * @param peer the other side, as {@code node@host:port} or as far as known; empty when none is involved
 * @param memorySafe true if this side's memory will not be touched any more
 * @param detail one line for a person: both values, and what to change
 * @since 0.1.0
 */
public record TransferError(
        TransferErrorCode code, int number, Stage stage, Side side, String peer, boolean memorySafe, String detail) {
    /**
     * Checks that nothing is missing.
     */
    public TransferError {
        Objects.requireNonNull(code, "code");
        Objects.requireNonNull(stage, "stage");
        Objects.requireNonNull(side, "side");
        Objects.requireNonNull(peer, "peer");
        Objects.requireNonNull(detail, "detail");
    }

    /**
     * Makes an error of the initiator with no peer named.
     *
     * @param code what went wrong
     * @param stage where
     * @param detail one line for a person
     * @return the error, memory-safe
     */
    public static TransferError of(TransferErrorCode code, Stage stage, String detail) {
        return new TransferError(code, code.number(), stage, Side.INITIATOR, "", true, detail);
    }

    /**
     * Tells whether a program may retry by itself.
     *
     * @return true where the code's {@link TransferErrorCode#retry()} says so
     */
    public boolean isRetryable() {
        return code.retry().isAutomatic();
    }

    /**
     * Returns the same error seen from a side.
     *
     * @param newSide the side
     * @param newPeer the other side
     * @return a copy
     */
    public TransferError at(Side newSide, String newPeer) {
        return new TransferError(code, number, stage, newSide, newPeer, memorySafe, detail);
    }

    /**
     * Returns the same error with what is known of this side's memory.
     *
     * @param safe true if the memory will not be touched any more
     * @return a copy
     */
    public TransferError withMemorySafe(boolean safe) {
        return new TransferError(code, number, stage, side, peer, safe, detail);
    }

    @Override
    public String toString() {
        return (code == TransferErrorCode.UNRECOGNIZED ? "code " + number : code.name())
                + " at "
                + stage
                + " ("
                + side
                + (peer.isEmpty() ? "" : ", peer " + peer)
                + (memorySafe ? "" : ", memory in quarantine")
                + "): "
                + detail;
    }
}
