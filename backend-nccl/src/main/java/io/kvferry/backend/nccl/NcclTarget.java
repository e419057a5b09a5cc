package io.kvferry.backend.nccl;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferStatus;
import org.jspecify.annotations.Nullable;

/**
 * The target's side: joins the connections that the initiator invites it into, and hands what is asked for to {@link
 * TargetParts}. Public methods are thread-safe, all else is confined to the device thread.
 */
final class NcclTarget implements TargetTransfer, Talk.Listener, Connection.User, TargetParts.Lanes {
    private final TransferSide side;
    private final Services services;
    private final Connection.Key key;
    private final Descriptor descriptor;
    private final Talk talk;
    private final TargetParts parts;
    private @Nullable Connection connection;
    private @Nullable Connection joining;
    /** The one that is being made was begun by this transfer. */
    private boolean leads;

    /** @param key what its connection is for, with the initiator that proposed */
    NcclTarget(TransferSide side, Services services, Connection.Key key, Descriptor descriptor, PeerChannel channel) {
        this.side = side;
        this.services = services;
        this.key = key;
        this.descriptor = descriptor;
        this.talk = new Talk(channel, side, services.device(), this);
        this.parts = new TargetParts(side, services, talk, this);
    }

    /** Begins to hear from the initiator, who would use a connection that is there or being made. */
    void listen() {
        services.device().execute(() -> {
            Connection known = services.connections().find(key);
            if (known != null && !known.isOpen()) {
                follow(known);
            }
        });
        talk.start();
    }

    @Override
    public void heard(Message message) {
        switch (message) {
            case Message.Join join -> join(join);
            case Message.Request request -> parts.requested(request);
            case Message.Aborted aborted -> aborted(aborted);
            case Message.Joined m -> throw unexpected(m);
            case Message.NotJoined m -> throw unexpected(m);
            case Message.Ready m -> throw unexpected(m);
            case Message.Refused m -> throw unexpected(m);
            case Message.Landed m -> throw unexpected(m);
        }
    }

    private static TransferException unexpected(Message message) {
        return Message.protocolError("the initiator sent " + message.getClass().getSimpleName());
    }

    private void join(Message.Join join) {
        try {
            Connection begun = services.connections().join(key, join);
            leads = true;
            if (talk.say(new Message.Joined(join.connection()))) {
                follow(begun);
            } else {
                begun.end(TransferErrorCode.CONNECTION_FAILED, "the initiator has given up connecting");
            }
        } catch (TransferException e) {
            notJoined(join.connection(), e);
        }
    }

    /** Tells the initiator where a connection that is being made comes to nothing. */
    private void follow(Connection begun) {
        joining = begun;
        var ignored = begun.opened().whenComplete((open, failure) -> {
            if (joining == begun) {
                joining = null;
                if (failure instanceof TransferException known) {
                    notJoined(begun.number(), known);
                }
                parts.decideHeld();
            }
        });
    }

    private void notJoined(long connection, TransferException why) {
        talk.say(new Message.NotJoined(
                connection, why.code().number(), why.error().detail()));
    }

    @Override
    public @Nullable Connection find(long number) {
        return services.connections().find(key, number);
    }

    @Override
    public boolean awaits(long number) {
        Connection known = find(number);
        if (known == null || known.isOpen()) {
            return false;
        }
        if (joining != known) {
            follow(known);
        }
        return true;
    }

    @Override
    public void use(Connection open) {
        if (connection != open) {
            connection = open;
            open.add(this);
            services.connections().touch(open);
        }
    }

    private void aborted(Message.Aborted aborted) {
        Connection known = find(aborted.connection());
        if (known != null) {
            known.end(TransferErrorCode.TRANSFER_FAILED, "the initiator ended the connection: " + aborted.detail());
        }
    }

    @Override
    public void closed(@Nullable TransferError error) {
        if (error == null) {
            // the initiator said goodbye: nothing is asked for any more, and that is no failure
            side.seal();
            return;
        }
        if (joining != null && leads) {
            // whether the initiator has heard that we connect too, nobody knows
            joining.end(TransferErrorCode.CONNECTION_FAILED, "the initiator's channel broke: " + error.detail());
        }
        if (parts.areUnderWay() && connection != null) {
            // an answer may have been lost, and with it a number whose turn never comes there
            connection.end(TransferErrorCode.TRANSFER_FAILED, "a channel with the peer broke: " + error.detail());
        }
        side.fail(TransferErrorCode.CONTROL_FAILED, "the channel to the initiator broke: " + error.detail());
    }

    @Override
    public void connectionEnded(TransferErrorCode code, String detail) {
        Connection known = connection;
        if (known != null) {
            talk.say(new Message.Aborted(known.number(), detail));
            connection = null;
        }
        side.fail(code, detail);
    }

    /** Uses no connection any more. */
    void unbind() {
        if (connection != null) {
            connection.remove(this);
            connection = null;
        }
    }

    @Override
    public Descriptor descriptor() {
        return descriptor;
    }

    @Override
    public TransferStatus status() {
        return side.status();
    }

    @Override
    public void seal() {
        side.seal();
    }

    @Override
    public Quiescence finish(Deadline grace) {
        return side.finish();
    }

    @Override
    public TransferSide side() {
        return side;
    }
}
