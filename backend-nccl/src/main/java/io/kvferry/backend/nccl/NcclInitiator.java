package io.kvferry.backend.nccl;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferStatus;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The initiator's side: invites the target into a connection where there is none, and hands its parts to {@link
 * InitiatorParts}. Public methods are thread-safe, all else is confined to the device thread, but for what says otherwise.
 */
final class NcclInitiator implements InitiatorTransfer, Talk.Listener, Connection.User {
    private final TransferSide side;
    private final Services services;
    private final Connection.Key key;
    private final Talk talk;
    private final InitiatorParts parts;
    private final CompletableFuture<Void> gone = new CompletableFuture<>();
    private @Nullable Connection connection;

    /** @param key what its connection is for */
    NcclInitiator(TransferSide side, Services services, Connection.Key key, boolean checked, PeerChannel channel) {
        this.side = side;
        this.services = services;
        this.key = key;
        this.talk = new Talk(channel, side, services.device(), this);
        this.parts = new InitiatorParts(side, services, talk, checked);
    }

    /** Begins to hear from the target. */
    void listen() {
        talk.start();
    }

    /** Invites the target into a connection that begins for this transfer. */
    void invite(Message.Join join) {
        talk.say(join);
    }

    /** Takes that back, before the channel closes. Thread-safe. */
    void disinvite(long number, String detail) {
        talk.say(new Message.Aborted(number, detail));
    }

    /** Completes with the connection, or fails as soon as the target has ended this transfer. Thread-safe. */
    CompletableFuture<Connection> orGone(CompletableFuture<Connection> opened) {
        CompletableFuture<Connection> either = opened.copy();
        var ignored = gone.whenComplete((never, failure) -> either.completeExceptionally(failure));
        return either;
    }

    /** Tells whether the target has ended this transfer. Thread-safe. */
    boolean isGone() {
        return gone.isDone();
    }

    /** Uses a connection from here on. */
    void bind(Connection open) {
        connection = open;
        parts.use(open);
        open.add(this);
        services.connections().touch(open);
    }

    /** Uses no connection any more. */
    void unbind() {
        Connection known = connection;
        if (known != null) {
            known.remove(this);
        }
    }

    @Override
    public void submit(BlockRange blocks) {
        List<BlockRange> cut = PartCutter.cut(
                side.blocks(),
                blocks,
                services.settings().partBlocks(),
                services.settings().partBytes());
        services.takePlaces(cut.size());
        int inside = 0;
        while (inside < cut.size() && side.enter()) {
            inside++;
        }
        if (inside < cut.size()) {
            for (int i = 0; i < inside; i++) {
                side.leave();
            }
            services.givePlaces(cut.size());
            throw new TransferException(TransferErrorCode.INVALID_REQUEST, Stage.SUBMIT, "submit after the end");
        }
        services.device().execute(() -> parts.begin(cut));
    }

    @Override
    public void heard(Message message) {
        switch (message) {
            case Message.Joined joined -> joined(joined.connection());
            case Message.NotJoined refused -> notJoined(refused);
            case Message.Ready ready -> parts.ready(ready);
            case Message.Refused refused -> parts.refused(refused);
            case Message.Landed landed -> parts.landed(landed.range());
            case Message.Aborted aborted -> aborted(aborted);
            case Message.Join m -> throw unexpected(m);
            case Message.Request m -> throw unexpected(m);
        }
    }

    private static TransferException unexpected(Message message) {
        return Message.protocolError("the target sent " + message.getClass().getSimpleName());
    }

    private void joined(long number) {
        Connection known = services.connections().find(key, number);
        if (known != null) {
            known.peerHasJoined();
        }
    }

    private void notJoined(Message.NotJoined refused) {
        Connection known = services.connections().find(key, refused.connection());
        if (known != null) {
            known.end(Refusals.code(refused.code()), "the target could not connect: " + refused.detail());
        }
    }

    private void aborted(Message.Aborted aborted) {
        Connection known = connection;
        if (known != null && known.number() == aborted.connection()) {
            known.end(TransferErrorCode.TRANSFER_FAILED, "the target ended the connection: " + aborted.detail());
        }
    }

    @Override
    public void closed(@Nullable TransferError error) {
        // where an answer was lost, and with it a number whose turn never comes, the target ends the connection
        TransferErrorCode code = error == null ? TransferErrorCode.LEASE_ENDED : TransferErrorCode.CONTROL_FAILED;
        String detail = error == null
                ? "the target ended the lease before all blocks had landed"
                : "the channel to the target broke: " + error.detail();
        gone.completeExceptionally(new TransferException(code, Stage.PREPARE, detail));
        side.fail(code, detail);
        parts.giveUpUnanswered();
    }

    @Override
    public void connectionEnded(TransferErrorCode code, String detail) {
        side.fail(code, detail);
        Connection known = connection;
        if (known != null) {
            talk.say(new Message.Aborted(known.number(), detail));
        }
        parts.giveUpUnanswered();
    }

    @Override
    public TransferStatus status() {
        return side.status();
    }

    @Override
    public Quiescence finish(Deadline grace) {
        Quiescence answer = side.finish();
        services.device().execute(parts::ask);
        return answer;
    }

    @Override
    public TransferSide side() {
        return side;
    }
}
