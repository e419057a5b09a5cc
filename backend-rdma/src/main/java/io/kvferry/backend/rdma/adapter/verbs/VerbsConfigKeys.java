package io.kvferry.backend.rdma.adapter.verbs;

import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Isolation;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** The configuration keys of verbs, each with its default and why. Immutable. */
final class VerbsConfigKeys {
    /** Which device. */
    static final ConfigKey<String> DEVICE = ConfigKey.text(
            "kvferry.rdma.verbs.device",
            "",
            "Name of the RDMA device, as `ibv_devices` lists it. Empty takes the first with an active port.");

    /** Which port of it. */
    static final ConfigKey<Integer> PORT =
            ConfigKey.integer("kvferry.rdma.verbs.port", 1, 1, 255, "Port of the device; most have only the first.");

    /** Which entry of the port's GID table. */
    static final ConfigKey<Integer> GID_INDEX = ConfigKey.integer(
            "kvferry.rdma.verbs.gid-index",
            -1,
            -1,
            255,
            "Entry of the port's GID table that packets are sent from. -1 takes the one of the address that the node is"
                    + " bound to, else RoCE v2 over IPv4, else over IPv6, and info() says which.");

    /** What a peer that breaks the rules can reach. */
    static final ConfigKey<Isolation> ISOLATION = ConfigKey.oneOf(
            "kvferry.rdma.verbs.isolation",
            Isolation.REGION,
            "What a peer that breaks the rules could reach: region opens the registered region for as long as a"
                    + " connection lasts and costs nothing; lease registers what each lease names and takes it back at"
                    + " its end, which costs both sides' transfer the locking of those pages. none is not less and is"
                    + " refused.");

    /** Requests in flight on one connection. */
    static final ConfigKey<Integer> SEND_DEPTH = ConfigKey.integer(
            "kvferry.rdma.verbs.send-depth",
            256,
            VerbsAdapter.MAX_OPERATIONS + 2,
            16_384,
            "Requests that a connection has outstanding. 256 of 64 KiB keep a 400 Gbit/s link busy for 300 µs.");

    /** Time until an unacknowledged packet is sent again. */
    static final ConfigKey<Integer> ACK_TIMEOUT = ConfigKey.integer(
            "kvferry.rdma.verbs.ack-timeout",
            16,
            8,
            24,
            "A packet that is not acknowledged within 4.096 µs × 2^this is sent again: 16 is 268 ms. Devices may wait"
                    + " up to four times as long. Together with retries it is how soon a vanished peer is noticed.");

    /** How often a packet is sent again. */
    static final ConfigKey<Integer> RETRIES = ConfigKey.integer(
            "kvferry.rdma.verbs.retries",
            6,
            1,
            6,
            "How often a packet is sent again before the peer counts as lost. Not 7, which soft-RoCE takes as for"
                    + " ever.");

    /** Traffic class of packets. */
    static final ConfigKey<Integer> TRAFFIC_CLASS = ConfigKey.integer(
            "kvferry.rdma.verbs.traffic-class",
            0,
            0,
            255,
            "Traffic class of packets (on RoCE v2: DSCP × 4), by which switches choose priority and flow control.");

    /** InfiniBand service level. */
    static final ConfigKey<Integer> SERVICE_LEVEL = ConfigKey.integer(
            "kvferry.rdma.verbs.service-level", 0, 0, 15, "InfiniBand's priority; of no meaning on Ethernet.");

    /** Reads in flight on one connection. */
    static final ConfigKey<Integer> READS = ConfigKey.integer(
            "kvferry.rdma.verbs.reads",
            16,
            1,
            128,
            "Reads that a connection has outstanding, as far as the device can; both sides use the same number.");

    /** How long a connection that is closed waits for its requests to be given up. */
    static final ConfigKey<Duration> FLUSH_TIMEOUT = ConfigKey.duration(
            "kvferry.rdma.verbs.flush-timeout",
            Duration.ofSeconds(1),
            Duration.ofMillis(1),
            Duration.ofMinutes(1),
            "How long a closed connection waits until its requests are reported as flushed, before its queue pair is"
                    + " destroyed without. Destroying it is the fence in either case.");

    /** All of them. */
    static final Set<ConfigKey<?>> ALL = new LinkedHashSet<>(List.of(
            DEVICE,
            PORT,
            GID_INDEX,
            ISOLATION,
            SEND_DEPTH,
            ACK_TIMEOUT,
            RETRIES,
            TRAFFIC_CLASS,
            SERVICE_LEVEL,
            READS,
            FLUSH_TIMEOUT));

    private VerbsConfigKeys() {}
}
