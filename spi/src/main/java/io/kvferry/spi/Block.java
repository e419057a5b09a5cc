package io.kvferry.spi;

/**
 * A slice of a region with the key by which two sides match it.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param key unique within its block list; what it stands for is the application's business
 * @param region the memory
 * @param offset first byte, from the region's start
 * @param length bytes, at least 1
 * @since 0.1.0
 */
public record Block(long key, MemoryRegion region, long offset, long length) {}
