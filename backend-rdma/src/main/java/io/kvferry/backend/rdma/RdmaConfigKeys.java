package io.kvferry.backend.rdma;

import io.kvferry.spi.ConfigKey;
import java.util.Set;

/**
 * The configuration keys of the RDMA backend that hold for every provider.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class RdmaConfigKeys {
    /** The library that moves the bytes. */
    public static final ConfigKey<String> PROVIDER = ConfigKey.text(
            "kvferry.rdma.provider",
            "",
            "The library that moves the bytes: verbs, ucx or disni; both sides must use the same. Empty takes the first of"
                    + " them, in that order, that this machine has; the log and info() say which.");

    /** Connections per peer. */
    public static final ConfigKey<Integer> CONNECTIONS_PER_PEER = ConfigKey.integer(
            "kvferry.rdma.connections-per-peer",
            2,
            1,
            64,
            "Connections that transfers to one peer are spread over. A transfer that has to be fenced takes down all others on"
                    + " its connection; more connections cost memory on the device.");

    /** Connections in all. */
    public static final ConfigKey<Integer> MAX_CONNECTIONS = ConfigKey.integer(
            "kvferry.rdma.max-connections",
            1024,
            2,
            1 << 20,
            "Connections at one time, to and from peers together. The idle one that was used least recently makes room; if all"
                    + " are in use, one more is RESOURCE_EXHAUSTED.");

    /** Transfers that live. */
    public static final ConfigKey<Integer> MAX_TRANSFERS = ConfigKey.integer(
            "kvferry.rdma.max-transfers",
            4096,
            1,
            1 << 20,
            "Transfers at one time, as initiator and as target together; one more is RESOURCE_EXHAUSTED.");

    /** Submitted parts that wait. */
    public static final ConfigKey<Integer> QUEUE_DEPTH = ConfigKey.integer(
            "kvferry.rdma.queue-depth",
            4096,
            1,
            1 << 20,
            "Submitted parts that wait on one connection; one more is RESOURCE_EXHAUSTED. Default 4096: a hundred layers of"
                    + " forty requests at once.");

    /** Bytes posted together. */
    public static final ConfigKey<Long> BATCH_SIZE = ConfigKey.size(
            "kvferry.rdma.batch-size",
            4L << 20,
            1,
            1L << 40,
            "Bytes posted together, after which another transfer has its turn; whole blocks always. Each batch has one"
                    + " completion, so small batches cost more and report sooner.");

    /** Bytes in flight. */
    public static final ConfigKey<Long> WINDOW = ConfigKey.size(
            "kvferry.rdma.window",
            64L << 20,
            1,
            1L << 40,
            "Bytes posted and not yet complete on one connection. More keep a long link full; less let a cancelled transfer"
                    + " drain sooner.");

    /** Turns before sleeping. */
    public static final ConfigKey<Integer> SPIN_TURNS = ConfigKey.integer(
            "kvferry.rdma.spin-turns",
            1000,
            0,
            1 << 30,
            "How often the owner thread looks for progress in vain before it sleeps; about 50 ns each. A wake-up costs 25 to 40"
                    + " us, so spinning pays where cores are to spare; 0 never spins.");

    /** All of them. */
    static final Set<ConfigKey<?>> ALL = Set.of(
            PROVIDER,
            CONNECTIONS_PER_PEER,
            MAX_CONNECTIONS,
            MAX_TRANSFERS,
            QUEUE_DEPTH,
            BATCH_SIZE,
            WINDOW,
            SPIN_TURNS);

    private RdmaConfigKeys() {}
}
