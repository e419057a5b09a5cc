package io.kvferry.backend.rdma.verbs;

/**
 * How queue pairs are made; all of one instance are made alike. Immutable.
 *
 * @param sendDepth requests that may be outstanding
 * @param maxSlices slices of local memory in one request
 * @param packetBytes the port's MTU as the enum of verbs has it
 * @param ackTimeout local ack timeout, 4.096 µs × 2^this
 * @param retries how often a packet that is not acknowledged is sent again; 7 means for ever to soft-RoCE, so at most 6
 * @param readsStarted reads outstanding to the peer at a time
 * @param readsServed reads of the peer served at a time
 * @param trafficClass of the packets, from which switches take the priority
 * @param serviceLevel InfiniBand's priority
 */
record QueuePairSettings(
        int sendDepth,
        int maxSlices,
        int packetBytes,
        int ackTimeout,
        int retries,
        int readsStarted,
        int readsServed,
        int trafficClass,
        int serviceLevel) {
    /** Replies to a sender without a posted receive: a millisecond, and never give up before the ack timeout does. */
    static final int MIN_RNR_TIMER = 14;

    static final int RNR_RETRIES = 6;
    static final int HOP_LIMIT = 64;
}
