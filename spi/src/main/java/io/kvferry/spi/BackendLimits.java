package io.kvferry.spi;

/**
 * Bounds a backend sets on one transfer; the engine checks them before it asks the peer.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param maxBlockBytes largest block, in bytes
 * @param maxBlocks most blocks in one transfer
 * @param maxTransfers most transfers at one time in one instance, both sides counted
 * @since 0.1.0
 */
public record BackendLimits(long maxBlockBytes, int maxBlocks, int maxTransfers) {
    /** No bound beyond what the types hold. */
    public static final BackendLimits NONE = new BackendLimits(Long.MAX_VALUE, Integer.MAX_VALUE, Integer.MAX_VALUE);
}
