package io.kvferry.spi;

import java.util.List;

/**
 * What closing could not finish in time (R20). What is named here stays mapped and registered until the process ends.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param abandoned one line for each thing left behind: what, whose, how many bytes
 * @since 0.1.0
 */
public record CloseReport(List<String> abandoned) {
    /** Nothing was left behind. */
    public static final CloseReport CLEAN = new CloseReport(List.of());

    /**
     * Copies the list.
     */
    public CloseReport {
        abandoned = List.copyOf(abandoned);
    }

    /**
     * Tells whether everything was released.
     *
     * @return true if nothing was abandoned
     */
    public boolean isClean() {
        return abandoned.isEmpty();
    }
}
