package io.kvferry.cli.bench;

import io.kvferry.spi.Operation;

/**
 * One point of a benchmark.
 *
 * @param operation READ or WRITE
 * @param blockBytes size of each block
 * @param batch blocks of one transfer
 * @param threads how many threads run transfers, each in its own share of the memory
 */
public record BenchCase(Operation operation, long blockBytes, int batch, int threads) {
    /** Most blocks of one lease, so that a message about them stays small. */
    public static final int MAX_BLOCKS = 1 << 16;

    private static final long REHEARSAL_BYTES = 4L << 10;

    /** The same point with small blocks, which runs each step thousands of times a second. */
    BenchCase rehearsal() {
        return new BenchCase(operation, Math.min(blockBytes, REHEARSAL_BYTES), batch, threads);
    }

    long transferBytes() {
        return blockBytes * batch;
    }

    /** How many different places in memory a thread goes through. */
    int steps(long memoryBytes) {
        return (int) Math.min(memoryBytes / threads / transferBytes(), MAX_BLOCKS / batch);
    }
}
