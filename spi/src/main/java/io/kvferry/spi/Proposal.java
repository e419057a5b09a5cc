package io.kvferry.spi;

/**
 * What an initiator's backend tells the target's before the target accepts: a queue pair number, a worker address.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class Proposal extends OpaqueBytes {
    /** No bytes, for backends that have nothing to say. */
    public static final Proposal EMPTY = new Proposal(new byte[0]);

    /**
     * Wraps bytes.
     *
     * @param bytes what the backend wrote; belongs to this object from now on
     */
    public Proposal(byte[] bytes) {
        super(bytes);
    }
}
