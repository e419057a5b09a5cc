package io.kvferry.spi;

/**
 * Where an instance of a backend can be reached, as its peers' instances understand it.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class BackendEndpoint extends OpaqueBytes {
    /** No bytes, for backends that have nothing to say. */
    public static final BackendEndpoint EMPTY = new BackendEndpoint(new byte[0]);

    /**
     * Wraps bytes.
     *
     * @param bytes what the backend wrote; belongs to this object from now on
     */
    public BackendEndpoint(byte[] bytes) {
        super(bytes);
    }
}
