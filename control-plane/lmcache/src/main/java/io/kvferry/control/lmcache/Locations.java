package io.kvferry.control.lmcache;

import io.kvferry.control.cluster.Tier;

/** LMCache's names of the places where a worker keeps chunks, as tiers of the index. */
final class Locations {
    private static final String HOST = "LocalCPUBackend";
    private static final String DISK = "LocalDiskBackend";

    private Locations() {}

    /** The usual place of a tier. */
    static String of(Tier tier) {
        return switch (tier) {
            case DEVICE -> "GPUBackend";
            case HOST -> HOST;
            case DISK -> DISK;
            case REMOTE -> "RemoteBackend";
        };
    }

    static Tier tier(String location) {
        return switch (location) {
            case HOST -> Tier.HOST;
            case DISK, "GdsBackend" -> Tier.DISK;
            case "GPU", "GPUBackend" -> Tier.DEVICE;
            default -> Tier.REMOTE;
        };
    }
}
