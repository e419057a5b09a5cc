package io.kvferry.spi;

/**
 * Whether a backend can run on this machine.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public sealed interface Availability {
    /**
     * It can.
     *
     * @param description one line: library versions, devices, transport
     */
    record Available(String description) implements Availability {}

    /**
     * It cannot.
     *
     * @param code BACKEND_UNAVAILABLE in general, INVALID_REQUEST where the configuration is at fault
     * @param reason what is missing
     * @param fix what the user does about it: package, flag, key
     */
    record Unavailable(TransferErrorCode code, String reason, String fix) implements Availability {}
}
