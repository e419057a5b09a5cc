package io.kvferry.engine;

import io.kvferry.spi.Payload;
import io.kvferry.spi.PeerIdentity;

/**
 * Answers an application's messages from peers.
 *
 * <p><b>Threads:</b> called on the engine's executor, concurrently. May block.
 *
 * @since 0.1.0
 */
@FunctionalInterface
public interface NotifyHandler {
    /**
     * Answers a message.
     *
     * @param from who says to have sent it; proved by nothing but the transport, where that has certificates
     * @param payload the body; not trusted
     * @return the answer
     * @throws io.kvferry.spi.TransferException to refuse; the sender sees its error. Anything else becomes INTERNAL.
     */
    Payload handle(PeerIdentity from, Payload payload);
}
