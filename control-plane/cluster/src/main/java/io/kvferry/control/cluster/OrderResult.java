package io.kvferry.control.cluster;

import io.kvferry.spi.TransferErrorCode;
import java.util.Map;
import java.util.Objects;

/**
 * How an order went at one node.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param code OK, or why it failed
 * @param chunks how many chunks were pinned, unpinned, dropped or moved
 * @param detail one line for a person; up to 1024 characters, a longer one is cut
 * @param details what was asked for, by name: at most 64 of up to 1024 characters
 * @since 0.1.0
 */
public record OrderResult(TransferErrorCode code, long chunks, String detail, Map<String, String> details) {
    private static final int MAX_DETAIL = 1024;

    /** Cuts the detail and copies the details. */
    public OrderResult {
        Objects.requireNonNull(code, "code");
        detail = detail.length() <= MAX_DETAIL ? detail : detail.substring(0, MAX_DETAIL - 1) + "…";
        details = Map.copyOf(details);
    }

    /**
     * Makes the result of an order that was carried out.
     *
     * @param chunks how many chunks it concerned
     * @return the result
     */
    public static OrderResult done(long chunks) {
        return new OrderResult(TransferErrorCode.OK, chunks, "", Map.of());
    }

    /**
     * Makes the result of an order that was not carried out.
     *
     * @param code why
     * @param detail one line for a person
     * @return the result
     */
    public static OrderResult failed(TransferErrorCode code, String detail) {
        return new OrderResult(code, 0, detail, Map.of());
    }

    /**
     * Tells whether the node did it.
     *
     * @return true for OK
     */
    public boolean isDone() {
        return code == TransferErrorCode.OK;
    }
}
