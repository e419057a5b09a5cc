package io.kvferry.backend.tcp;

import io.kvferry.spi.ConfigKey;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The configuration keys of the TCP backend, each with its default and why.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class TcpConfigKeys {
    /** How sockets are driven. */
    public static final ConfigKey<TcpTransportKind> TRANSPORT = ConfigKey.oneOf(
            "kvferry.tcp.transport",
            TcpTransportKind.AUTO,
            "How sockets are driven. auto is epoll where Netty's native library loads, else nio, and info() says which;"
                    + " io-uring is as fast and younger, so it is chosen by name only.");

    /** Local address to listen on. */
    public static final ConfigKey<String> BIND_HOST = ConfigKey.text(
            "kvferry.tcp.bind-host", "", "Local address to listen on. Empty takes the node's, kvferry.bind-host.");

    /** Local port to listen on. */
    public static final ConfigKey<Integer> PORT = ConfigKey.integer(
            "kvferry.tcp.port",
            0,
            0,
            65535,
            "Port to listen on. 0 takes a free one: peers learn it when they meet, so it need not be known; set it for a"
                    + " firewall.");

    /** Address that peers dial. */
    public static final ConfigKey<String> ADVERTISED_HOST = ConfigKey.text(
            "kvferry.tcp.advertised-host",
            "",
            "Address that peers dial. Empty takes the node's, kvferry.advertised-host.");

    /** Connections per peer. */
    public static final ConfigKey<Integer> LANES = ConfigKey.integer(
            "kvferry.tcp.lanes",
            2,
            1,
            64,
            "Connections to each peer, shared by all transfers. One connection is one core and one congestion window on"
                    + " each side; raise it for links faster than about 5 GB/s.");

    /** Bytes that justify one more connection. */
    public static final ConfigKey<Long> STRIPE = ConfigKey.size(
            "kvferry.tcp.stripe",
            8L << 20,
            1,
            1L << 40,
            "Blocks submitted together are spread over one more connection per this many bytes. Less costs more wake-ups"
                    + " than the second connection gains: 4 MiB measured a tenth slower for transfers of 8 MiB.");

    /** Most payload of one frame. */
    public static final ConfigKey<Long> FRAME_SIZE = ConfigKey.size(
            "kvferry.tcp.frame-size",
            512L << 10,
            4L << 10,
            FrameHeader.MAX_PAYLOAD_BYTES,
            "Most payload of one frame, and what one transfer sends before the next has its turn. Half the second-level"
                    + " cache: the checksum is computed on bytes that the kernel then copies out of the cache.");

    /** Bytes queued per connection. */
    public static final ConfigKey<Long> SEND_QUEUE = ConfigKey.size(
            "kvferry.tcp.send-queue",
            16L << 20,
            64L << 10,
            1L << 30,
            "Bytes handed to a connection before the kernel took them. Fewer mean more wake-ups: 1 MiB measured a tenth"
                    + " slower than 16 MiB. More delay cancel and the turns of other transfers: 16 MiB are 13 ms at"
                    + " 10 Gbit/s.");

    /** Threads that drive connections. */
    public static final ConfigKey<Integer> EVENT_LOOP_THREADS = ConfigKey.integer(
            "kvferry.tcp.event-loop-threads",
            0,
            0,
            256,
            "Threads that drive connections. 0 takes one per core, at least 2 and at most 8: a copy from or to a socket"
                    + " fills a core at about 5 GB/s.");

    /** Reads in one turn of the event loop. */
    public static final ConfigKey<Integer> READS_PER_WAKEUP = ConfigKey.integer(
            "kvferry.tcp.reads-per-wakeup",
            64,
            1,
            4096,
            "Reads from one connection before its event loop looks after others. Few cost a wake-up each; many let a fast"
                    + " peer hold up its neighbours.");

    /** Longest time to connect and greet. */
    public static final ConfigKey<Duration> CONNECT_TIMEOUT = ConfigKey.duration(
            "kvferry.tcp.connect-timeout",
            Duration.ofSeconds(3),
            Duration.ofMillis(1),
            Duration.ofMinutes(10),
            "Longest time to connect and exchange greetings, on both sides. Three seconds survive one lost SYN.");

    /** Longest time without progress. */
    public static final ConfigKey<Duration> PROGRESS_TIMEOUT = ConfigKey.duration(
            "kvferry.tcp.progress-timeout",
            Duration.ofSeconds(10),
            Duration.ofMillis(4),
            Duration.ofHours(1),
            "A transfer whose outstanding bytes do not move for this long fails with PEER_LOST, noticed within a quarter"
                    + " more. Long enough for a pause of the peer's garbage collector.");

    /** Longest time that sent bytes stay unacknowledged by the peer's kernel. */
    public static final ConfigKey<Duration> USER_TIMEOUT = ConfigKey.duration(
            "kvferry.tcp.user-timeout",
            Duration.ofSeconds(20),
            Duration.ZERO,
            Duration.ofHours(1),
            "TCP_USER_TIMEOUT: the kernel closes a connection whose sent bytes stay unacknowledged, or whose peer takes"
                    + " none, for this long. Twice the progress timeout, so that the transfer fails first and by name."
                    + " 0s leaves it to the kernel; the nio transport cannot set it.");

    /** How long an unused connection is kept. */
    public static final ConfigKey<Duration> IDLE_TIMEOUT = ConfigKey.duration(
            "kvferry.tcp.idle-timeout",
            Duration.ofMinutes(5),
            Duration.ofMillis(1),
            Duration.ofHours(24),
            "Connections to a peer that no transfer has used for this long are closed; the next transfer opens them anew.");

    /** Socket send buffer. */
    public static final ConfigKey<Long> SEND_BUFFER = ConfigKey.size(
            "kvferry.tcp.send-buffer",
            0,
            0,
            1L << 30,
            "SO_SNDBUF. 0 lets the kernel grow it by need, which measured as well as any fixed size.");

    /** Socket receive buffer. */
    public static final ConfigKey<Long> RECEIVE_BUFFER = ConfigKey.size(
            "kvferry.tcp.receive-buffer",
            0,
            0,
            1L << 30,
            "SO_RCVBUF. 0 lets the kernel grow it by need, which measured as well as any fixed size.");

    /** Congestion control algorithm. */
    public static final ConfigKey<String> CONGESTION_CONTROL = ConfigKey.text(
            "kvferry.tcp.congestion-control",
            "",
            "Congestion control algorithm such as bbr or cubic. Empty takes the kernel's; the nio transport cannot set it.");

    /** Most connections accepted at one time, and as many dialed. */
    public static final ConfigKey<Integer> MAX_CONNECTIONS = ConfigKey.integer(
            "kvferry.tcp.max-connections",
            4096,
            1,
            1_000_000,
            "Most connections accepted at one time, and as many dialed. Past it a new one is refused; the longest unused"
                    + " dialed ones are closed first.");

    /** Most transfers at one time on each side. */
    public static final ConfigKey<Integer> MAX_TRANSFERS = ConfigKey.integer(
            "kvferry.tcp.max-transfers",
            16384,
            1,
            1 << 24,
            "Most transfers at one time as initiator, and as many as target. Past it prepare and accept answer"
                    + " RESOURCE_EXHAUSTED.");

    private TcpConfigKeys() {}

    /**
     * Returns all keys.
     *
     * @return the keys, in the order of this page
     */
    public static Set<ConfigKey<?>> all() {
        return new LinkedHashSet<>(List.of(
                TRANSPORT,
                BIND_HOST,
                PORT,
                ADVERTISED_HOST,
                LANES,
                STRIPE,
                FRAME_SIZE,
                SEND_QUEUE,
                EVENT_LOOP_THREADS,
                READS_PER_WAKEUP,
                CONNECT_TIMEOUT,
                PROGRESS_TIMEOUT,
                USER_TIMEOUT,
                IDLE_TIMEOUT,
                SEND_BUFFER,
                RECEIVE_BUFFER,
                CONGESTION_CONTROL,
                MAX_CONNECTIONS,
                MAX_TRANSFERS));
    }
}
