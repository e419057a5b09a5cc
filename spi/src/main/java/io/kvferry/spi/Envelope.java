package io.kvferry.spi;

/**
 * An endpoint, a proposal or a descriptor as it travels: the engine wraps it with what it belongs to and a checksum, and
 * refuses a bad one before a backend sees it.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class Envelope extends OpaqueBytes {
    /** No bytes. */
    public static final Envelope EMPTY = new Envelope(new byte[0]);

    /**
     * Wraps bytes.
     *
     * @param bytes the content; belongs to this object from now on
     */
    public Envelope(byte[] bytes) {
        super(bytes);
    }
}
