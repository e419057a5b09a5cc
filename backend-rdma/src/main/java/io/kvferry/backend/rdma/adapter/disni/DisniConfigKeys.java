package io.kvferry.backend.rdma.adapter.disni;

import io.kvferry.spi.ConfigKey;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** The configuration keys of the provider {@code disni}, each with its default and why. Immutable. */
final class DisniConfigKeys {
    /** Which device, by an address of its network interface. */
    static final ConfigKey<String> ADDRESS = ConfigKey.text(
            "kvferry.rdma.disni.address",
            "",
            "IPv4 address of the RDMA device's network interface. Empty takes the address that the node is bound to, which"
                    + " must then be one: DiSNI finds devices by address, and by IPv4 alone.");

    /** Port to listen on. */
    static final ConfigKey<Integer> PORT = ConfigKey.integer(
            "kvferry.rdma.disni.port",
            0,
            0,
            65_535,
            "Port of the connection manager's listener. 0 takes a free one: peers learn it when they meet.");

    /** How long a connection may take to be made. */
    static final ConfigKey<Duration> CONNECT_TIMEOUT = ConfigKey.duration(
            "kvferry.rdma.disni.connect-timeout",
            Duration.ofSeconds(5),
            Duration.ofMillis(10),
            Duration.ofMinutes(1),
            "How long a connection may take from resolving the peer's address to its first message; then it has failed."
                    + " DiSNI itself would wait for ever.");

    /** How often a packet is sent again. */
    static final ConfigKey<Integer> RETRIES = ConfigKey.integer(
            "kvferry.rdma.disni.retries",
            6,
            1,
            6,
            "How often a packet is sent again before the peer counts as lost. DiSNI's own default is 0, with which one lost"
                    + " packet ends a connection; 7 is for ever on soft-RoCE.");

    /** Requests in flight on one connection. */
    static final ConfigKey<Integer> SEND_DEPTH = ConfigKey.integer(
            "kvferry.rdma.disni.send-depth",
            256,
            DisniCutter.MAX_PARTS * DisniAdapter.MAX_OPERATIONS + 2,
            16_384,
            "Requests that a connection has outstanding. 256 of 64 KiB keep a 400 Gbit/s link busy for 300 µs.");

    /** How long a connection that is closed waits for its requests to be given up. */
    static final ConfigKey<Duration> FLUSH_TIMEOUT = ConfigKey.duration(
            "kvferry.rdma.disni.flush-timeout",
            Duration.ofSeconds(1),
            Duration.ofMillis(1),
            Duration.ofMinutes(1),
            "How long a closed connection waits until its requests are reported as flushed, before its queue pair is"
                    + " destroyed without. Destroying it is the fence in either case.");

    /** All of them. */
    static final Set<ConfigKey<?>> ALL =
            new LinkedHashSet<>(List.of(ADDRESS, PORT, CONNECT_TIMEOUT, RETRIES, SEND_DEPTH, FLUSH_TIMEOUT));

    private DisniConfigKeys() {}
}
