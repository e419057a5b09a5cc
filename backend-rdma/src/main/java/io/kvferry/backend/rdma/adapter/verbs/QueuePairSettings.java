package io.kvferry.backend.rdma.adapter.verbs;

import io.kvferry.spi.BackendConfig;

/**
 * How queue pairs are made; all of one instance are made alike. Immutable.
 *
 * @param sendDepth requests that may be outstanding
 * @param maxSlices slices of local memory in one request
 * @param ackTimeout a packet is sent again after 4.096 µs × 2^this
 * @param retries how often
 * @param reads that may be outstanding in either direction
 * @param trafficClass of the packets, from which switches take the priority
 * @param serviceLevel InfiniBand's priority
 */
record QueuePairSettings(
        int sendDepth, int maxSlices, int ackTimeout, int retries, int reads, int trafficClass, int serviceLevel) {
    /** A message that finds no receive posted is sent again after 1.28 ms, as the enum of verbs has it. */
    static final int MIN_RNR_TIMER = 14;

    /**
     * For ever. The device acknowledges a message before the peer's process has seen it, so a process that is slow for some
     * milliseconds runs out of receives however few messages are on their way; it is no reason to lose it. One that does not
     * come back holds transfers until their deadline, and one that has ended acknowledges nothing, which is another counter.
     */
    static final int RNR_RETRIES = 7;

    static final int HOP_LIMIT = 64;

    /** More slices than this make a request so long that posting it costs more than a second request. */
    private static final int MAX_SLICES = 8;

    static QueuePairSettings of(BackendConfig config, VerbsDevice.Limits limits) {
        return new QueuePairSettings(
                Math.min(config.get(VerbsConfigKeys.SEND_DEPTH), limits.maxRequests()),
                Math.clamp(limits.maxSlices(), 1, MAX_SLICES),
                config.get(VerbsConfigKeys.ACK_TIMEOUT),
                config.get(VerbsConfigKeys.RETRIES),
                Math.min(
                        config.get(VerbsConfigKeys.READS), Math.min(limits.maxReadsServed(), limits.maxReadsStarted())),
                config.get(VerbsConfigKeys.TRAFFIC_CLASS),
                config.get(VerbsConfigKeys.SERVICE_LEVEL));
    }
}
