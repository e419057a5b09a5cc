package io.kvferry.spi;

/**
 * What a target's backend tells the initiator's: where the leased memory is and the key that opens it. Contains secrets; never logged.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class Descriptor extends OpaqueBytes {
    /** No bytes, for backends that have nothing to say. */
    public static final Descriptor EMPTY = new Descriptor(new byte[0]);

    /**
     * Wraps bytes.
     *
     * @param bytes what the backend wrote; belongs to this object from now on
     */
    public Descriptor(byte[] bytes) {
        super(bytes);
    }
}
