package io.kvferry.node;

import java.util.Objects;

/**
 * Why a fetch did not bring more.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param reason what stood in the way
 * @param chunk position of the first chunk that is missing
 * @param detail one line for a person
 * @since 0.1.0
 */
public record Miss(MissReason reason, int chunk, String detail) {
    /** Checks that nothing is missing. */
    public Miss {
        Objects.requireNonNull(reason, "reason");
        Objects.requireNonNull(detail, "detail");
    }
}
