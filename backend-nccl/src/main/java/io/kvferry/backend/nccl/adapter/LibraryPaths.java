package io.kvferry.backend.nccl.adapter;

/**
 * Where the libraries are: absolute paths, or empty for what the machine's loader finds.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param cuda the driver's library, {@code libcuda.so.1}
 * @param cudart the CUDA runtime, {@code libcudart.so.13}
 * @param nccl NCCL, {@code libnccl.so.2}
 * @param cacheDirectory where the binding unpacks its own libraries, or empty for its default
 * @since 0.1.0
 */
public record LibraryPaths(String cuda, String cudart, String nccl, String cacheDirectory) {}
