/**
 * What the NCCL backend does on a real GPU: a program that needs no build tool there, and prints a log to be kept.
 *
 * <p>Threads: one. Start reading at {@link io.kvferry.gpulab.GpuLab}.
 */
@NullMarked
package io.kvferry.gpulab;

import org.jspecify.annotations.NullMarked;
