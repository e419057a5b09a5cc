package io.kvferry.control.lmcache;

import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.HttpExtension;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQException;

/**
 * The sockets of a controller for LMCache workers: one that they push to, one that answers them, and one for heartbeats where
 * that is wanted. Every generation of workers is understood on each of them.
 *
 * <p><b>Life cycle:</b> {@link #open} returns a front that serves; {@link #close} ends its sockets and leaves the controller
 * as it is. Close it before the controller.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * <p><b>Failure:</b> nothing that a worker sends ends it: a frame that is no message is counted and answered with ErrorMsg
 * where an answer is expected.
 *
 * @since 0.1.0
 */
public final class LmCacheFront implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LmCacheFront.class);
    private static final Duration CLOSE_TIME = Duration.ofSeconds(5);
    private static final int PROBES_PER_LEASE = 10;

    private final ZContext context = new ZContext();
    private final ExecutorService waiting = Executors.newThreadPerTaskExecutor(
            Thread.ofVirtual().name("kvferry-lmcache-", 0).factory());
    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("kvferry-lmcache-timer").factory());
    private final LmCacheCounters counters = new LmCacheCounters();
    private final List<SocketLoop> loops = new ArrayList<>();
    private final BackendConfig config;
    private final WorkerPorts ports;
    private final Workers workers;
    private final Orchestrator orchestrator;
    private final Turns turns = new Turns(waiting);
    private final HttpExtension http;

    private LmCacheFront(Controller controller, BackendConfig config, @Nullable TokenHash hash) {
        this.config = config;
        this.ports = WorkerPorts.start(waiting, config.get(LmCacheConfigKeys.MAX_FRAME));
        this.workers = new Workers(controller, config, ports, Ticker.system(), counters);
        this.orchestrator = new Orchestrator(controller, workers, config, hash);
        this.http = new LmCacheHttp(orchestrator, controller, workers, counters);
    }

    /**
     * Opens the sockets.
     *
     * @param controller whose cluster the workers join; borrowed
     * @param config values for {@link LmCacheConfigKeys#all}
     * @return a front that serves
     * @throws TransferException INVALID_REQUEST if it cannot listen; names the key to change
     */
    public static LmCacheFront open(Controller controller, BackendConfig config) {
        return open(controller, config, null);
    }

    /**
     * Opens the sockets, for a controller whose tools ask by tokens too.
     *
     * @param controller whose cluster the workers join; borrowed
     * @param config values for {@link LmCacheConfigKeys#all}
     * @param hash makes chunk keys as the workers do; null if nobody knows how, and then only chunk hashes can be asked for
     * @return a front that serves
     * @throws TransferException INVALID_REQUEST if it cannot listen; names the key to change
     */
    public static LmCacheFront open(Controller controller, BackendConfig config, @Nullable TokenHash hash) {
        LmCacheFront front = new LmCacheFront(controller, config, hash);
        try {
            front.start(controller.view().lease());
            return front;
        } catch (RuntimeException e) {
            front.close();
            throw e;
        }
    }

    private void start(Duration lease) {
        Map<String, String> told = new HashMap<>();
        if (config.get(LmCacheConfigKeys.HEARTBEAT_PORT) >= 0) {
            SocketLoop heartbeats = listen(SocketType.ROUTER, "heartbeat", LmCacheConfigKeys.HEARTBEAT_PORT, told);
            refuseWildcard();
            told.put("heartbeat_url", advertisedHost() + ":" + heartbeats.port());
        }
        told.put("lease_ms", String.valueOf(lease.toMillis()));
        told.put("heartbeat_interval_ms", String.valueOf(lease.dividedBy(5).toMillis()));
        SocketLoop replies = listen(SocketType.ROUTER, "reply", LmCacheConfigKeys.REPLY_PORT, told);
        SocketLoop pulls = listen(SocketType.PULL, "pull", LmCacheConfigKeys.PULL_PORT, told);
        long nanos = lease.dividedBy(PROBES_PER_LEASE).toNanos();
        var ignored = timer.scheduleWithFixedDelay(this::probe, nanos, nanos, TimeUnit.NANOSECONDS);
        LOG.info(
                "LMCache workers: controller_pull_url {}:{}, controller_reply_url {}:{}",
                bindHost(),
                pulls.port(),
                bindHost(),
                replies.port());
    }

    private SocketLoop listen(SocketType type, String name, ConfigKey<Integer> key, Map<String, String> told) {
        WorkerProtocol protocol = new WorkerProtocol(workers, config, counters, told);
        FrameHandler handler = new FrameHandler(
                name, protocol, orchestrator, turns, waiting, config.get(LmCacheConfigKeys.ORDER_TIMEOUT), counters);
        try {
            SocketLoop loop = SocketLoop.start(
                    context,
                    type,
                    name,
                    bindHost(),
                    config.get(key),
                    config.get(LmCacheConfigKeys.MAX_FRAME),
                    handler,
                    counters);
            loops.add(loop);
            return loop;
        } catch (ZMQException | IOException | IllegalArgumentException e) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.OPEN,
                    "cannot listen on " + bindHost() + " with " + key.name() + "=" + config.get(key) + ": "
                            + e.getMessage(),
                    e);
        }
    }

    private String bindHost() {
        return config.get(LmCacheConfigKeys.BIND_HOST);
    }

    private String advertisedHost() {
        String told = config.get(LmCacheConfigKeys.ADVERTISED_HOST);
        return told.isEmpty() ? bindHost() : told;
    }

    /** Workers are told one address, and a wildcard is none. */
    private void refuseWildcard() {
        String host = advertisedHost();
        if (host.equals("0.0.0.0") || host.equals("::") || host.equals("*")) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.OPEN,
                    "kvferry.lmcache.bind-host=" + bindHost() + " with a heartbeat port needs"
                            + " kvferry.lmcache.advertised-host: the address at which workers reach this machine");
        }
    }

    private void probe() {
        try {
            workers.probeSilent();
        } catch (RuntimeException e) {
            LOG.error("workers could not be probed", e); // the next time may be better
        }
    }

    /**
     * Returns where workers push to.
     *
     * @return for their {@code controller_pull_url}
     */
    public PeerAddress pullAddress() {
        return new PeerAddress(bindHost(), loops.getLast().port());
    }

    /**
     * Returns where workers ask.
     *
     * @return for their {@code controller_reply_url}
     */
    public PeerAddress replyAddress() {
        return new PeerAddress(bindHost(), loops.get(loops.size() - 2).port());
    }

    /**
     * Returns where workers send heartbeats; they are told when they register.
     *
     * @return the address, or empty if there is no such socket
     */
    public Optional<PeerAddress> heartbeatAddress() {
        return loops.size() < 3
                ? Optional.empty()
                : Optional.of(new PeerAddress(bindHost(), loops.getFirst().port()));
    }

    /**
     * Returns the paths of {@code lmcache_controller}, to be mounted at the controller's HTTP port.
     *
     * @return the extension; usable until this front is closed
     */
    public HttpExtension http() {
        return http;
    }

    /**
     * Returns what has happened at the sockets.
     *
     * @return counts by name, such as {@code malformed_frames}
     */
    public Map<String, Long> counters() {
        return counters.snapshot();
    }

    /** Ends the sockets. Workers stay members until their leases end, or they come back. */
    @Override
    public void close() {
        timer.shutdownNow();
        Deadline deadline = Deadline.after(CLOSE_TIME);
        boolean ended = true;
        for (SocketLoop loop : loops) {
            ended &= loop.close(deadline);
        }
        ended &= ports.close(deadline);
        waiting.shutdownNow();
        workers.all().forEach(Worker::detach);
        if (ended) {
            context.close();
        } else {
            LOG.warn("a socket's thread did not end within {}", CLOSE_TIME);
        }
    }
}
