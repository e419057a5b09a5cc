package io.kvferry.backend.nccl.adapter;

/**
 * Whether the native libraries can be used here.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public sealed interface Presence {
    /**
     * They can.
     *
     * @param devices how many GPUs CUDA sees, at least 1
     * @param ncclVersion NCCL's version as it counts: 22809 is 2.28.9
     */
    record Found(int devices, int ncclVersion) implements Presence {
        @Override
        public String toString() {
            return "NCCL " + versionText(ncclVersion) + ", " + devices + " CUDA device" + (devices == 1 ? "" : "s");
        }
    }

    /**
     * They cannot.
     *
     * @param reason which kind of obstacle
     * @param detail what was seen
     * @param remedy what the user does about it
     */
    record Absent(Reason reason, String detail, String remedy) implements Presence {}

    /** Why the libraries cannot be used. */
    enum Reason {
        /** A shared library, or the jar with the binding's own, is not on this machine. */
        LIBRARY_MISSING,
        /** The libraries are here, and the Java binding cannot be linked to them. */
        BINDING_BROKEN,
        /** The driver is older than the CUDA runtime. */
        DRIVER_TOO_OLD,
        /** CUDA runs and sees no GPU. */
        NO_DEVICE,
        /** NCCL is older than 2.14, which cannot connect without blocking. */
        NCCL_TOO_OLD
    }

    /**
     * Writes NCCL's number as people do.
     *
     * @param version as NCCL counts since 2.9
     * @return {@code 2.28.9} for 22809
     */
    static String versionText(int version) {
        return version / 10_000 + "." + version / 100 % 100 + "." + version % 100;
    }
}
