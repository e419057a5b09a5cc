package io.kvferry.spi;

import java.util.concurrent.CompletionStage;

/**
 * Takes what peers without peer control tell. Implemented by the engine, called by backends.
 *
 * <p><b>Threads:</b> Thread-safe; does not block.
 *
 * @since 0.1.0
 */
@FunctionalInterface
public interface ForeignMessages {
    /**
     * Hands a message on.
     *
     * @param from where it came from, printable ASCII without spaces; not proved by anything
     * @param message the body; not trusted; belongs to the receiver from now on
     * @return true once the application has taken it, false where nobody listens or it refused; never fails
     */
    CompletionStage<Boolean> deliver(String from, byte[] message);
}
