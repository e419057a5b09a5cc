package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.ForeignTarget;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferObserver;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The initiator's side of an engine: lets transfers in, has them prepared by the kind of target they name, and hands them
 * out.
 *
 * <p><b>Threads:</b> Thread-safe; prepare blocks its caller.
 */
final class Initiator {
    private final EngineContext context;
    private final Quarantine quarantine;
    private final List<TransferListener> listeners;
    private final TargetNotices notices;
    private final PeerTargets peerTargets;
    private final ForeignTargets foreignTargets;
    private final TransfersInHand inHand;
    private volatile boolean closed;

    Initiator(
            EngineContext context,
            Backends backends,
            MemoryHolds holds,
            Quarantine quarantine,
            Peers peers,
            PeerControl peerControl,
            List<TransferListener> listeners) {
        this.context = context;
        this.quarantine = quarantine;
        this.listeners = listeners;
        this.notices = new TargetNotices(context, peerControl);
        this.peerTargets = new PeerTargets(context, backends, holds, peers, peerControl, notices);
        this.foreignTargets = new ForeignTargets(context, backends, holds);
        this.inHand = new TransfersInHand(context.settings().get(EngineConfigKeys.MAX_TRANSFERS));
    }

    /** @param foreign the target where it knows no peer control, else null */
    Transfer prepare(TransferRequest request, @Nullable ForeignTarget foreign, Deadline callerDeadline) {
        quarantine.checkRoom(Stage.PREPARE);
        context.waits().checkClock(callerDeadline);
        Deadline own = request.deadline();
        if (own != null) {
            context.waits().checkClock(own);
        }
        Deadline whole = own != null ? own : context.after(context.settings().get(EngineConfigKeys.TRANSFER_TIMEOUT));
        InitiatorAttempt attempt = admit(request);
        try {
            Deadline until = callerDeadline.earlier(whole);
            TransferObserver observer = new InitiatorObserver(attempt);
            attempt.prepared(
                    foreign == null
                            ? peerTargets.prepare(request, observer, until, whole)
                            : foreignTargets.prepare(request, observer, foreign, until, whole));
            if (closed) {
                throw closing();
            }
            return new Transfer(attempt);
        } catch (RuntimeException | Error e) {
            TransferException failure = Failures.of(e, Stage.PREPARE);
            attempt.refuse(failure);
            throw failure;
        }
    }

    private InitiatorAttempt admit(TransferRequest request) {
        if (closed) {
            throw closing();
        }
        inHand.checkRoom();
        InitiatorAttempt attempt = new InitiatorAttempt(
                context,
                inHand,
                notices,
                request,
                ListenerCalls.of(request.id(), listeners, request.listener(), context.executor()));
        inHand.add(attempt);
        return attempt;
    }

    /**
     * Refuses everything new and ends every transfer, each on a thread of its own; those that are being prepared end by
     * themselves.
     *
     * @return completes when all have been told to end
     */
    CompletableFuture<Void> close() {
        closed = true;
        context.waits().beginClose(closing());
        return CompletableFuture.allOf(inHand.all().stream()
                .filter(InitiatorAttempt::isPrepared)
                .map(attempt -> CompletableFuture.runAsync(attempt::finish, context.executor()))
                .toArray(CompletableFuture<?>[]::new));
    }

    private static TransferException closing() {
        return new TransferException(TransferErrorCode.SHUTTING_DOWN, Stage.PREPARE, "this engine is closing");
    }

    /** Lets targets hear the ends of their transfers, so that they need not wait for their leases to expire. */
    void awaitFinishes(Deadline deadline) {
        notices.awaitSent(deadline);
    }

    Collection<InitiatorAttempt> inHand() {
        return inHand.all();
    }
}
