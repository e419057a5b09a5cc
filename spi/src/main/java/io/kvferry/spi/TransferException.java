package io.kvferry.spi;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The one exception that leaves a backend, the engine and peer control.
 *
 * <p><b>Threads:</b> Immutable, as far as exceptions are.
 *
 * @since 0.1.0
 */
public final class TransferException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** What is known of the failure; an exception that was serialised carries its message only. */
    private final transient @Nullable TransferError error;

    /**
     * Makes an exception at the initiator.
     *
     * @param code what went wrong
     * @param stage where
     * @param detail one line for a person: both values, and what to change
     */
    public TransferException(TransferErrorCode code, Stage stage, String detail) {
        this(TransferError.of(code, stage, detail), null);
    }

    /**
     * Makes an exception at the initiator.
     *
     * @param code what went wrong
     * @param stage where
     * @param detail one line for a person: both values, and what to change
     * @param cause what a library reported, or null
     */
    public TransferException(TransferErrorCode code, Stage stage, String detail, @Nullable Throwable cause) {
        this(TransferError.of(code, stage, detail), cause);
    }

    /**
     * Makes an exception from an error.
     *
     * @param error what is known
     */
    public TransferException(TransferError error) {
        this(error, null);
    }

    /**
     * Makes an exception from an error.
     *
     * @param error what is known
     * @param cause what a library reported, or null
     */
    public TransferException(TransferError error, @Nullable Throwable cause) {
        super(error.toString(), cause);
        this.error = error;
    }

    /**
     * Returns what is known of the failure.
     *
     * @return the error
     */
    public TransferError error() {
        return Objects.requireNonNullElseGet(
                error,
                () -> TransferError.of(TransferErrorCode.UNRECOGNIZED, Stage.TRANSFER, String.valueOf(getMessage())));
    }

    /**
     * Returns the code of {@link #error()}.
     *
     * @return the code
     */
    public TransferErrorCode code() {
        return error().code();
    }
}
