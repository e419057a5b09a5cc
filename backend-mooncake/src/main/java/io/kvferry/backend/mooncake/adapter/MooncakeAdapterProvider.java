package io.kvferry.backend.mooncake.adapter;

import io.kvferry.spi.Availability;
import io.kvferry.spi.TransferException;

/**
 * Makes transfer engines: the library's, or a fake's.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public interface MooncakeAdapterProvider {
    /**
     * Tells whether engines can be made here.
     *
     * @param settings what for
     * @return why not, and how they could
     */
    Availability probe(MooncakeAdapterSettings settings);

    /**
     * Makes an engine.
     *
     * @param settings how
     * @return an open engine; the caller closes it
     * @throws TransferException BACKEND_UNAVAILABLE without library, device or metadata; RESOURCE_EXHAUSTED where this
     *     process has one
     */
    MooncakeAdapter open(MooncakeAdapterSettings settings);
}
