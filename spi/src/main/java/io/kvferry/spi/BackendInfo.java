package io.kvferry.spi;

import java.util.Set;

/**
 * What an opened backend is and can do.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param name the config key's value that selects it
 * @param wireId the protocol it speaks
 * @param capabilities all it can do; what is not in here is refused
 * @param isolation what a peer that breaks the rules could reach
 * @param abortScope whom an abort takes down with it
 * @param limits bounds on one transfer
 * @param description one line for a person: transport, device, lanes, library version
 * @since 0.1.0
 */
public record BackendInfo(
        String name,
        WireId wireId,
        Set<Capability> capabilities,
        Isolation isolation,
        AbortScope abortScope,
        BackendLimits limits,
        String description) {
    /**
     * Copies the set.
     */
    public BackendInfo {
        capabilities = Set.copyOf(capabilities);
    }

    /**
     * Tells whether a capability is declared.
     *
     * @param capability the capability
     * @return true if it is
     */
    public boolean can(Capability capability) {
        return capabilities.contains(capability);
    }
}
