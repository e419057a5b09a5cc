package io.kvferry.control.peer;

import io.kvferry.control.grpc.EventLoops;
import io.kvferry.control.grpc.PortCounters;
import io.kvferry.control.grpc.UnaryRequest;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.PeerService;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Peer control over gRPC: a server for peers and a connection to each peer, on the same event loops.
 *
 * <p>gRPC measures deadlines on the machine's clock. Where deadlines are on another one, a task on the environment's
 * scheduler ends the call by that clock, too; whichever comes first counts.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class GrpcPeerControl implements PeerControl {
    private static final Logger LOG = LoggerFactory.getLogger(GrpcPeerControl.class);

    private final BackendConfig config;
    private final BackendEnvironment environment;
    private final PortCounters counters = new PortCounters();
    private final ChannelLimits channelLimits;
    private final long maxMessageBytes;
    private final PeerTls tls;
    private final EventLoops eventLoops;
    private final ExecutorService executor;
    private final PeerConnections connections;

    private final AtomicBoolean started = new AtomicBoolean();
    private final AtomicBoolean closed = new AtomicBoolean();
    private volatile @Nullable PeerServer server;

    GrpcPeerControl(BackendConfig config, BackendEnvironment environment) {
        this.config = config;
        this.environment = environment;
        this.channelLimits = ChannelLimits.of(config);
        this.maxMessageBytes = config.get(PeerConfigKeys.MAX_MESSAGE_BYTES);
        this.tls = PeerTls.of(config);
        this.eventLoops = EventLoops.open("kvferry-peer-io", config.get(PeerConfigKeys.EVENT_LOOP_THREADS));
        this.executor = Executors.newThreadPerTaskExecutor(
                Thread.ofVirtual().name("kvferry-peer-", 0).factory());
        this.connections = new PeerConnections(config, tls, eventLoops, executor);
    }

    @Override
    public PeerAddress start(PeerService service, Deadline deadline) {
        if (!started.compareAndSet(false, true)) {
            throw new IllegalStateException("peer control was started before");
        }
        PeerServer listening = PeerServer.start(service, config, environment, tls, eventLoops, executor, counters);
        server = listening;
        if (closed.get()) {
            listening.close(deadline);
            throw new TransferException(TransferErrorCode.SHUTTING_DOWN, Stage.OPEN, "peer control is closed");
        }
        return new PeerAddress(advertisedHost(), listening.port());
    }

    private String advertisedHost() {
        if (config.isSet(PeerConfigKeys.ADVERTISED_HOST)) {
            return config.get(PeerConfigKeys.ADVERTISED_HOST);
        }
        return config.isSet(PeerConfigKeys.BIND_HOST)
                ? config.get(PeerConfigKeys.BIND_HOST)
                : environment.advertisedHost();
    }

    @Override
    @SuppressWarnings("unchecked") // the decoder of a method makes the reply of its request, and nothing else
    public <R extends PeerReply> CompletableFuture<R> call(
            PeerAddress peer, PeerRequest<R> request, Deadline deadline) {
        PeerMethod method = PeerMethod.of(request);
        try {
            return (CompletableFuture<R>) call(method, peer, MessageEncoder.encode(request), deadline);
        } catch (TransferException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private CompletableFuture<PeerReply> call(PeerMethod method, PeerAddress peer, byte[] request, Deadline deadline) {
        if (request.length > maxMessageBytes) {
            throw new TransferException(PeerErrors.error(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    method.stage(),
                    peer,
                    "message=" + request.length + " bytes > kvferry.peer.max-message-bytes=" + maxMessageBytes));
        }
        if (deadline.isExpired()) {
            throw new TransferException(PeerErrors.error(
                    TransferErrorCode.DEADLINE_EXCEEDED, method.stage(), peer, "the deadline passed before the call"));
        }
        PeerConnection connection = connections.acquire(peer, method.stage());
        PeerCall call = new PeerCall(method, connection, connections, counters);
        UnaryRequest sent = UnaryRequest.start(
                connection.newCall(method.descriptor(), PeerConnections.until(deadline)), request, call);
        CompletableFuture<PeerReply> reply = call.decoded(sent);
        endBy(deadline, reply, () -> sent.abort(TransferErrorCode.DEADLINE_EXCEEDED, "no answer in time"));
        return reply;
    }

    @Override
    public PeerChannel openChannel(PeerAddress peer, TransferId id, int attempt, long epoch, Deadline deadline) {
        PeerConnection connection;
        try {
            connection = connections.acquire(peer, Stage.TRANSFER);
        } catch (TransferException e) {
            GrpcPeerChannel broken =
                    new GrpcPeerChannel(DeadStream.INSTANCE, channelLimits, Side.INITIATOR, peer.toString(), counters);
            broken.breakWith(e.error());
            return broken;
        }
        InitiatorStream stream = new InitiatorStream(
                connection,
                connections,
                connection.newCall(PeerMethod.CHANNEL, PeerConnections.until(deadline)),
                channelLimits,
                counters);
        GrpcPeerChannel channel = stream.open(new ChannelId(id, attempt, epoch));
        endBy(
                deadline,
                stream.closed(),
                () -> channel.breakWith(
                        channel.error(TransferErrorCode.DEADLINE_EXCEEDED, "the channel's deadline has passed")));
        return channel;
    }

    /** Ends a call on the deadline's own clock, where that is not the one gRPC measures on. */
    private void endBy(Deadline deadline, CompletionStage<?> ended, Runnable end) {
        if (deadline.ticker().equals(Ticker.system())) {
            return;
        }
        Scheduler.Scheduled task;
        try {
            task = environment.scheduler().schedule(deadline, end);
        } catch (TransferException shuttingDown) {
            end.run();
            return;
        }
        ended.whenComplete((result, failure) -> task.cancel());
    }

    @Override
    public void forget(PeerAddress peer) {
        connections.forget(peer);
    }

    @Override
    public void close(Deadline deadline) {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        PeerServer listening = server;
        if (listening != null) {
            listening.close(deadline);
        }
        connections.close(deadline);
        executor.shutdownNow();
        boolean ignored = eventLoops.close(deadline);
        awaitAnswers(deadline);
        LOG.debug("peer control of {} is closed: {}", environment.self(), counters);
    }

    private void awaitAnswers(Deadline deadline) {
        try {
            if (!executor.awaitTermination(Math.max(0, deadline.remainingNanos()), TimeUnit.NANOSECONDS)) {
                LOG.warn("close() did not wait for answers to peers that are still being made");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    PortCounters counters() {
        return counters;
    }
}
