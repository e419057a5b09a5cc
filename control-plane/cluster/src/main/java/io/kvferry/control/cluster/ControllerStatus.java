package io.kvferry.control.cluster;

import io.kvferry.spi.PeerAddress;
import java.util.Optional;

/**
 * How a node stands with one controller.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param address where the controller is
 * @param registered whether this node is registered there and was heard by it lately
 * @param synced whether it knows all that this node holds, but for what is on its way
 * @param problem why not, as far as known
 * @since 0.1.0
 */
public record ControllerStatus(PeerAddress address, boolean registered, boolean synced, Optional<String> problem) {}
