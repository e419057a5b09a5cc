package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.PeerService;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Answers peers: each message goes to the part of the engine it is for, each failure back as an error of this side.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class EnginePeerService implements PeerService {
    private final EngineContext context;
    private final Peers peers;
    private final LeaseTable leases;
    private final TargetMessages messages;
    private final ApplicationNotices notices;

    EnginePeerService(EngineContext context, Peers peers, LeaseTable leases, ApplicationNotices notices) {
        this.context = context;
        this.peers = peers;
        this.leases = leases;
        this.messages = new TargetMessages(leases);
        this.notices = notices;
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
                messages.part(part);
                yield CompletableFuture.completedFuture(PeerReply.Ack.INSTANCE);
            }
            case PeerRequest.Cancel cancel -> {
                messages.cancel(cancel);
                yield CompletableFuture.completedFuture(PeerReply.Ack.INSTANCE);
            }
            case PeerRequest.Finish finish -> messages.finish(finish);
            case PeerRequest.Notify notify -> notices.handle(notify);
        };
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
        messages.channelOpened(id, attempt, epoch, channel);
    }
}
