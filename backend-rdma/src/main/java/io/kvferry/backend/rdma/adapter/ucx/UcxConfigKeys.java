package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.spi.ConfigKey;
import java.time.Duration;
import java.util.Set;

/**
 * The configuration keys of the provider {@code ucx}.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class UcxConfigKeys {
    /** Which transports UCX may use. */
    public static final ConfigKey<String> TRANSPORTS = ConfigKey.text(
            "kvferry.rdma.ucx.transports",
            "",
            "What UCX may use, as in UCX_TLS: rc, tcp, or posix,cma for one machine. Empty lets UCX choose among all but tcp, or"
                    + " follow UCX_TLS where that is set. Over tcp libucx ends this process if a peer's connection breaks while"
                    + " it writes here, so that it is taken by its name only.");

    /** Which devices UCX may use. */
    public static final ConfigKey<String> DEVICES = ConfigKey.text(
            "kvferry.rdma.ucx.devices",
            "",
            "Network devices that UCX may use, as in UCX_NET_DEVICES: mlx5_0:1, eth0. Empty lets UCX choose.");

    /** How connections begin. */
    public static final ConfigKey<UcxWireup> WIREUP = ConfigKey.oneOf(
            "kvferry.rdma.ucx.wireup",
            UcxWireup.ADDRESS,
            "How connections begin; both sides alike. address: by worker addresses, exchanged over peer control; no"
                    + " listener is opened. socket: through a listener of the RDMA device's connection manager, for devices"
                    + " on which UCX cannot wire itself up otherwise. Where tcp is the only transport it is a TCP listener,"
                    + " and libucx ends the process when garbage reaches that: only where no stranger reaches the port.");

    /** Port to listen on. */
    public static final ConfigKey<Integer> PORT = ConfigKey.integer(
            "kvferry.rdma.ucx.port",
            0,
            0,
            65535,
            "Port of the connection manager's listener, with kvferry.rdma.ucx.wireup=socket alone. 0 takes a free one: peers"
                    + " learn it when they meet.");

    /** Whether a lost peer is noticed. */
    public static final ConfigKey<Boolean> PEER_ERRORS = ConfigKey.bool(
            "kvferry.rdma.ucx.peer-errors",
            true,
            "Whether UCX watches for a lost peer. Over shared memory it cannot, so on one machine it then takes TCP, ten"
                    + " times slower; false allows shared memory, and a peer's process on this machine is watched"
                    + " instead. Elsewhere a transfer with a lost peer then ends at its deadline only.");

    /** How long a closed connection waits for its requests. */
    public static final ConfigKey<Duration> CLOSE_TIMEOUT = ConfigKey.duration(
            "kvferry.rdma.ucx.close-timeout",
            Duration.ofMillis(200),
            Duration.ofMillis(1),
            Duration.ofMinutes(1),
            "How long a closed connection waits until its requests are given back, before its worker is destroyed without."
                    + " Destroying it is this side's fence in either case.");

    static final Set<ConfigKey<?>> ALL = Set.of(TRANSPORTS, DEVICES, WIREUP, PORT, PEER_ERRORS, CLOSE_TIMEOUT);

    private UcxConfigKeys() {}
}
