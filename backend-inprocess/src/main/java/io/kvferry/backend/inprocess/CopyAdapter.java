package io.kvferry.backend.inprocess;

import java.lang.foreign.MemorySegment;

/**
 * The "library" under this backend: copies one slice. Replaced in tests by one that fails, corrupts or hangs.
 *
 * <p><b>Threads:</b> called by the worker of one backend, serially. It may block: finish and close then say so.
 *
 * <p><b>Failure:</b> whatever it throws fails that transfer with TRANSFER_FAILED, and nothing else.
 *
 * @since 0.1.0
 */
@FunctionalInterface
public interface CopyAdapter {
    /** The real one. */
    CopyAdapter MEMORY = MemorySegment::copy;

    /**
     * Copies one slice. Both ranges have been checked.
     *
     * @param source where the bytes are
     * @param sourceOffset first byte in {@code source}
     * @param destination where they go
     * @param destinationOffset first byte in {@code destination}
     * @param bytes how many, at least 1 and at most {@link InProcessConfigKeys#SLICE_SIZE}
     */
    void copy(MemorySegment source, long sourceOffset, MemorySegment destination, long destinationOffset, long bytes);
}
