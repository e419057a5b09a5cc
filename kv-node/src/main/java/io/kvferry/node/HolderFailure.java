package io.kvferry.node;

import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.TransferErrorCode;
import java.util.Objects;

/**
 * A holder that was tried and failed.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param holder the node
 * @param code how it failed
 * @param detail one line for a person
 * @since 0.1.0
 */
public record HolderFailure(PeerIdentity holder, TransferErrorCode code, String detail) {
    /** Checks that nothing is missing. */
    public HolderFailure {
        Objects.requireNonNull(holder, "holder");
        Objects.requireNonNull(code, "code");
        Objects.requireNonNull(detail, "detail");
    }
}
