package io.kvferry.node;

import java.util.List;
import java.util.Objects;

/**
 * Why a fetch did not bring more.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param reason what stood in the way
 * @param chunk position of the first chunk that is missing
 * @param detail one line for a person
 * @param failures the holders that were tried and failed, in order
 * @since 0.1.0
 */
public record Miss(MissReason reason, int chunk, String detail, List<HolderFailure> failures) {
    /** Copies the list. */
    public Miss {
        Objects.requireNonNull(reason, "reason");
        Objects.requireNonNull(detail, "detail");
        failures = List.copyOf(failures);
    }
}
