package io.kvferry.benchmarks;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One line of the comparison: something of ours beside something of others.
 *
 * @param name what --rows calls it
 * @param what one line for people
 * @param ours ours
 * @param peerName what stands beside it
 * @param peer what stands beside it, or null where the target is a value
 * @param checks what is promised
 * @param once true for a measurement that repeats by itself
 */
record Row(
        String name,
        String what,
        Measurement ours,
        String peerName,
        @Nullable Measurement peer,
        List<Check> checks,
        boolean once) {
    Row {
        checks = List.copyOf(checks);
    }
}
