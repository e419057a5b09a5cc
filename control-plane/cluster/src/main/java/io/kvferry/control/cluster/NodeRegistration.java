package io.kvferry.control.cluster;

import io.kvferry.spi.PeerIdentity;
import java.util.Map;
import java.util.Objects;

/**
 * What a node tells when it registers. It stays the same for the life of its process.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param identity the process: a restarted node keeps its id, has a new boot id and replaces the old one at once
 * @param instance what it is a part of, such as the engine whose workers are nodes of their own; 1 to 128 characters
 * @param addresses where it can be reached, by what speaks there: {@code peer-control} and the name of a backend or front;
 *     at most 32 of up to 256 characters
 * @param scheme how its chunk keys are made
 * @param schemaVersion the generation of the wire it speaks, from 1
 * @param software name and version, for people; up to 256 characters
 * @since 0.1.0
 */
public record NodeRegistration(
        PeerIdentity identity,
        String instance,
        Map<String, String> addresses,
        KeyScheme scheme,
        int schemaVersion,
        String software) {
    /** The generation of {@code cluster.proto} that this version speaks. */
    public static final int SCHEMA_VERSION = 1;

    /** The key of {@link #addresses} for the address of peer control, as {@code HOST:PORT}. */
    public static final String PEER_CONTROL = "peer-control";

    private static final int MAX_TEXT = 256;
    private static final int MAX_NAME = 128;
    private static final int MAX_ADDRESSES = 32;

    /**
     * Checks all parts.
     *
     * @throws IllegalArgumentException if one is out of range
     */
    public NodeRegistration {
        Objects.requireNonNull(identity, "identity");
        Objects.requireNonNull(scheme, "scheme");
        addresses = Map.copyOf(addresses);
        check(!instance.isBlank() && instance.length() <= MAX_NAME, "instance has not 1 to 128 characters");
        check(software.length() <= MAX_TEXT, "software has more than 256 characters");
        check(schemaVersion >= 1, "schema version " + schemaVersion + " is below 1");
        check(addresses.size() <= MAX_ADDRESSES, addresses.size() + " addresses are more than 32");
        addresses.forEach((name, address) -> {
            check(!name.isEmpty() && name.length() <= MAX_NAME, "an address's name has not 1 to 128 characters");
            check(address.length() <= MAX_TEXT, "address " + name + " has more than 256 characters");
        });
    }

    /**
     * Makes the registration of a node that is an instance of its own.
     *
     * @param identity the process
     * @param peerControl where its peer control listens, as {@code HOST:PORT}
     * @param scheme how its chunk keys are made
     * @return the registration
     */
    public static NodeRegistration of(PeerIdentity identity, String peerControl, KeyScheme scheme) {
        return new NodeRegistration(
                identity, identity.nodeId(), Map.of(PEER_CONTROL, peerControl), scheme, SCHEMA_VERSION, "");
    }

    private static void check(boolean satisfied, String problem) {
        if (!satisfied) {
            throw new IllegalArgumentException(problem);
        }
    }
}
