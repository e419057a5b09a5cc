package io.kvferry.spi;

/**
 * Why a call or a transfer did not succeed; one closed set for all backends, with numbers that never change (R7).
 *
 * <p>NOT_FOUND, CANCELLED and DEADLINE_EXCEEDED are never merged (R8).
 *
 * @since 0.1.0
 */
public enum TransferErrorCode {
    /** Success. */
    OK(0, Retry.NEVER, Effect.NONE),
    /** Somebody asked for the end. */
    CANCELLED(1, Retry.NEVER, Effect.MAY_HAVE_WRITTEN),
    /** Time ran out; the operation may have taken effect all the same. */
    DEADLINE_EXCEEDED(2, Retry.SAME_REQUEST, Effect.MAY_HAVE_WRITTEN),
    /** An argument, a state or a configuration value is not legal. */
    INVALID_REQUEST(3, Retry.AFTER_FIX, Effect.NONE),
    /** No lease of that id yet. */
    NOT_FOUND(4, Retry.SAME_REQUEST, Effect.NONE),
    /** The transfer id is in use. */
    ALREADY_EXISTS(5, Retry.AFTER_FIX, Effect.NONE),
    /** Keys or lengths of the two sides disagree. */
    BUFFER_MISMATCH(6, Retry.AFTER_FIX, Effect.NONE),
    /** A block lies in memory that the engine does not know. */
    MEMORY_NOT_REGISTERED(7, Retry.AFTER_FIX, Effect.NONE),
    /** Wrong peer, access, lease key or bounds. */
    ACCESS_DENIED(8, Retry.AFTER_FIX, Effect.NONE),
    /** No connection of the data plane. */
    CONNECTION_FAILED(9, Retry.NEW_CONNECTION, Effect.NONE),
    /** A call of peer control failed. */
    CONTROL_FAILED(10, Retry.SAME_REQUEST, Effect.MAY_HAVE_WRITTEN),
    /** The data plane failed; the detail carries the native code. */
    TRANSFER_FAILED(11, Retry.SAME_REQUEST, Effect.MAY_HAVE_WRITTEN),
    /** The peer died or vanished with a transfer under way. */
    PEER_LOST(12, Retry.NEW_CONNECTION, Effect.MAY_HAVE_WRITTEN),
    /** The peer is another process than the one that was met: its boot id differs. */
    PEER_RESTARTED(13, Retry.NEW_CONNECTION, Effect.MAY_HAVE_WRITTEN),
    /** Version, backend, chunk size or key scheme differ. */
    INCOMPATIBLE_PEER(14, Retry.AFTER_FIX, Effect.NONE),
    /** A message that cannot be decoded, or not at this point. */
    PROTOCOL_ERROR(15, Retry.AFTER_FIX, Effect.MAY_HAVE_WRITTEN),
    /** A checksum differs. */
    DATA_CORRUPTED(16, Retry.SAME_REQUEST, Effect.MAY_HAVE_WRITTEN),
    /** A bound on memory, slots or a queue is reached. */
    RESOURCE_EXHAUSTED(17, Retry.SAME_REQUEST, Effect.NONE),
    /** A capability that is not declared. */
    UNSUPPORTED(18, Retry.AFTER_FIX, Effect.NONE),
    /** A library, driver or device is missing. */
    BACKEND_UNAVAILABLE(19, Retry.AFTER_FIX, Effect.NONE),
    /** The engine or the peer is closing. */
    SHUTTING_DOWN(20, Retry.NEW_CONNECTION, Effect.NONE),
    /** A bug. */
    INTERNAL(21, Retry.NEVER, Effect.MAY_HAVE_WRITTEN),
    /** An earlier attempt may still touch this memory. */
    NOT_QUIESCENT(22, Retry.SAME_REQUEST, Effect.NONE),
    /** The lease expired, was revoked or has finished. */
    LEASE_ENDED(23, Retry.AFTER_FIX, Effect.MAY_HAVE_WRITTEN),
    /** A number this version does not know; {@link TransferError#number()} keeps it. Never sent as such. */
    UNRECOGNIZED(-1, Retry.NEVER, Effect.MAY_HAVE_WRITTEN);

    private static final TransferErrorCode[] BY_NUMBER = new TransferErrorCode[24];

    static {
        for (TransferErrorCode code : values()) {
            if (code.number >= 0) {
                BY_NUMBER[code.number] = code;
            }
        }
    }

    private final int number;
    private final Retry retry;
    private final Effect effect;

    TransferErrorCode(int number, Retry retry, Effect effect) {
        this.number = number;
        this.retry = retry;
        this.effect = effect;
    }

    /**
     * Returns the code's number on every wire.
     *
     * @return the number, or -1 for {@link #UNRECOGNIZED}
     */
    public int number() {
        return number;
    }

    /**
     * Tells how trying again could succeed.
     *
     * @return the way to retry
     */
    public Retry retry() {
        return retry;
    }

    /**
     * Tells what the failed operation may have done.
     *
     * @return the strongest effect that cannot be ruled out
     */
    public Effect effect() {
        return effect;
    }

    /**
     * Finds the code of a number.
     *
     * @param number a number from a wire
     * @return the code, or {@link #UNRECOGNIZED} for a number this version does not know
     */
    public static TransferErrorCode ofNumber(int number) {
        return number >= 0 && number < BY_NUMBER.length ? BY_NUMBER[number] : UNRECOGNIZED;
    }

    /** How trying again could succeed. */
    public enum Retry {
        /** It could not. */
        NEVER,
        /** The same request, as a new attempt. */
        SAME_REQUEST,
        /** The same request after meeting the peer anew. */
        NEW_CONNECTION,
        /** Only after somebody changed the request, the configuration or the machine. */
        AFTER_FIX;

        /**
         * Tells whether a program may retry by itself.
         *
         * @return true for {@link #SAME_REQUEST} and {@link #NEW_CONNECTION}
         */
        public boolean isAutomatic() {
            return this == SAME_REQUEST || this == NEW_CONNECTION;
        }
    }

    /** What a failed operation may have done to the destination. */
    public enum Effect {
        /** Nothing was written. */
        NONE,
        /** Some or all bytes may have been written. */
        MAY_HAVE_WRITTEN
    }
}
