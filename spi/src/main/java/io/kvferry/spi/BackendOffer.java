package io.kvferry.spi;

import java.util.Set;

/**
 * One backend that a node has open, as it tells its peers.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param name the backend's name
 * @param wireId the protocol it speaks
 * @param capabilities what it can do
 * @param isolation what a peer that breaks the rules could reach
 * @param endpoint where it can be reached, enveloped
 * @since 0.1.0
 */
public record BackendOffer(
        String name, WireId wireId, Set<Capability> capabilities, Isolation isolation, Envelope endpoint) {
    /**
     * Copies the set.
     */
    public BackendOffer {
        capabilities = Set.copyOf(capabilities);
    }
}
