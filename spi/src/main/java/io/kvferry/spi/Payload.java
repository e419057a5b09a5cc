package io.kvferry.spi;

/**
 * The body of an application's message to a peer.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class Payload extends OpaqueBytes {
    /** No bytes. */
    public static final Payload EMPTY = new Payload(new byte[0]);

    /**
     * Wraps bytes.
     *
     * @param bytes the content; belongs to this object from now on
     */
    public Payload(byte[] bytes) {
        super(bytes);
    }
}
