package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.spi.ConfigKey;
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
            "What UCX may use, as in UCX_TLS: rc, tcp, or posix,cma for one machine. Empty lets UCX choose the fastest, or"
                    + " follow UCX_TLS where that is set.");

    /** Which devices UCX may use. */
    public static final ConfigKey<String> DEVICES = ConfigKey.text(
            "kvferry.rdma.ucx.devices",
            "",
            "Network devices that UCX may use, as in UCX_NET_DEVICES: mlx5_0:1, eth0. Empty lets UCX choose.");

    /** Port to listen on. */
    public static final ConfigKey<Integer> PORT = ConfigKey.integer(
            "kvferry.rdma.ucx.port",
            0,
            0,
            65535,
            "Port where peers connect. 0 takes a free one: peers learn it when they meet; set it for a firewall.");

    /** Whether a lost peer is noticed. */
    public static final ConfigKey<Boolean> PEER_ERRORS = ConfigKey.bool(
            "kvferry.rdma.ucx.peer-errors",
            true,
            "Whether UCX watches for a lost peer. Shared memory cannot, so on one machine UCX then takes TCP, ten times slower;"
                    + " false allows shared memory, and a transfer with a lost peer ends at its deadline only.");

    static final Set<ConfigKey<?>> ALL = Set.of(TRANSPORTS, DEVICES, PORT, PEER_ERRORS);

    private UcxConfigKeys() {}
}
