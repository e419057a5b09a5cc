package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.ForeignMessages;
import io.kvferry.spi.Payload;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.PeerService;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers peers: each message goes to the part of the engine it is for, each failure back as an error of this side.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class EnginePeerService implements PeerService {
    private static final Logger LOG = LoggerFactory.getLogger(EnginePeerService.class);
    /** What topics begin with that foreign peers' messages come on; the backend's name follows. */
    private static final String FOREIGN = "foreign:";

    private final EngineContext context;
    private final Peers peers;
    private final LeaseTable leases;
    private final ConcurrentHashMap<String, NotifyHandler> handlers = new ConcurrentHashMap<>();

    EnginePeerService(EngineContext context, Peers peers, LeaseTable leases) {
        this.context = context;
        this.peers = peers;
        this.leases = leases;
    }

    void onNotify(String topic, NotifyHandler handler) {
        if (handlers.putIfAbsent(topic, handler) != null) {
            throw new TransferException(
                    TransferErrorCode.ALREADY_EXISTS, Stage.OPEN, "topic '" + topic + "' has a handler already");
        }
    }

    @Override
    public <R extends PeerReply> CompletionStage<R> handle(PeerRequest<R> request, Deadline deadline) {
        try {
            CompletableFuture<? extends PeerReply> reply = dispatch(request, deadline);
            @SuppressWarnings("unchecked") // dispatch answers each request with its own kind of reply
            CompletableFuture<R> typed = (CompletableFuture<R>) reply;
            return typed.isDone() && !typed.isCompletedExceptionally()
                    ? typed
                    : typed.exceptionallyCompose(failure -> refuse(failure, request));
        } catch (RuntimeException e) {
            return refuse(e, request);
        }
    }

    private CompletableFuture<? extends PeerReply> dispatch(PeerRequest<?> request, Deadline deadline) {
        return switch (request) {
            case PeerRequest.Hello hello -> CompletableFuture.completedFuture(peers.welcome(hello));
            case PeerRequest.Prepare prepare -> leases.prepare(prepare, deadline);
            case PeerRequest.Part part -> {
                leases.part(part);
                yield CompletableFuture.completedFuture(PeerReply.Ack.INSTANCE);
            }
            case PeerRequest.Cancel cancel -> {
                leases.cancel(cancel);
                yield CompletableFuture.completedFuture(PeerReply.Ack.INSTANCE);
            }
            case PeerRequest.Finish finish -> leases.finish(finish);
            case PeerRequest.Notify notify -> notified(notify);
        };
    }

    /** Takes what a backend's foreign peers tell, on a topic that no peer of ours may use. */
    ForeignMessages foreign(String backend) {
        String topic = FOREIGN + backend;
        return (from, message) -> {
            NotifyHandler handler = handlers.get(topic);
            return handler == null
                    ? CompletableFuture.completedFuture(false)
                    : CompletableFuture.supplyAsync(
                                    () -> {
                                        handler.handle(new PeerIdentity(from, 0), new Payload(message));
                                        return true;
                                    },
                                    context.executor())
                            .exceptionally(refused -> {
                                LOG.warn("a message of {} on topic {} was refused", from, topic, refused);
                                return false;
                            });
        };
    }

    private CompletableFuture<PeerReply.Notified> notified(PeerRequest.Notify notify) {
        if (notify.topic().startsWith(FOREIGN)) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.TRANSFER,
                    "topic '" + notify.topic() + "' is for peers without peer control");
        }
        NotifyHandler handler = handlers.get(notify.topic());
        if (handler == null) {
            throw new TransferException(
                    TransferErrorCode.NOT_FOUND, Stage.TRANSFER, "nobody here handles topic '" + notify.topic() + "'");
        }
        return CompletableFuture.supplyAsync(
                () -> new PeerReply.Notified(handler.handle(notify.self(), notify.payload())), context.executor());
    }

    /** The error as the peer sees it: this side's. */
    private <R extends PeerReply> CompletableFuture<R> refuse(Throwable failure, PeerRequest<R> request) {
        Stage stage = request instanceof PeerRequest.Hello ? Stage.HELLO : Stage.PREPARE;
        TransferException known = Failures.of(failure, stage);
        return CompletableFuture.failedFuture(new TransferException(
                known.error().at(Side.TARGET, context.self().toString()), known));
    }

    @Override
    public void channelOpened(TransferId id, int attempt, long epoch, PeerChannel channel) {
        leases.channelOpened(id, attempt, epoch, channel);
    }
}
