package io.kvferry.backend.nccl.adapter;

/**
 * The native libraries of this machine, or what stands in for them in tests.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public interface NcclLibrary {
    /**
     * Finds out whether both libraries are here and usable. Repeatable; never throws.
     *
     * @param paths where to look
     * @return what was found
     */
    Presence find(LibraryPaths paths);

    /**
     * Returns the CUDA runtime. Only after {@link #find} answered {@link Presence.Found}.
     *
     * @return the adapter, the same at every call
     */
    CudaAdapter cuda();

    /**
     * Returns NCCL. Only after {@link #find} answered {@link Presence.Found}.
     *
     * @return the adapter, the same at every call
     */
    NcclAdapter nccl();
}
