package io.kvferry.spi;

/**
 * What a region's addresses are addresses of.
 *
 * @since 0.1.0
 */
public enum MemoryKind {
    /** Memory that the CPU can read and write. */
    HOST,
    /** Memory of an NVIDIA GPU; the CPU MUST NOT touch it. */
    CUDA
}
