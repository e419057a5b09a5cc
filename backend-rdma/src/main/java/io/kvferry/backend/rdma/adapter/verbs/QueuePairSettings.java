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
    /** A sender without a posted receive tries again after 1 ms (the enum of verbs), as often as packets are sent again. */
    static final int MIN_RNR_TIMER = 14;

    static final int RNR_RETRIES = 6;
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
