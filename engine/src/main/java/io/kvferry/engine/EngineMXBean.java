package io.kvferry.engine;

/**
 * What an engine has in hand, over JMX.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public interface EngineMXBean {
    /**
     * Says what is in hand.
     *
     * @return a line for the whole, and one for each transfer, lease and piece of quarantined memory
     */
    String[] getLines();

    /**
     * Counts transfers.
     *
     * @return transfers that are not finished
     */
    int getTransfers();

    /**
     * Counts leases.
     *
     * @return offers that have not ended
     */
    int getLeases();

    /**
     * Tells how much memory is locked by transfers that have ended.
     *
     * @return bytes
     */
    long getQuarantinedBytes();
}
