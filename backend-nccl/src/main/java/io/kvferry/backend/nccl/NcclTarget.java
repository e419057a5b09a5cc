package io.kvferry.backend.nccl;

import io.kvferry.spi.BlockClaims;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferStatus;
import org.jspecify.annotations.Nullable;

/**
 * The target's side: checks what the initiator asks for against the lease, numbers it, and posts the other half. It touches
 * no block that was not asked for, and no block twice. Public methods are thread-safe, all else is confined to the device
 * thread.
 */
final class NcclTarget implements TargetTransfer, Talk.Listener, Connection.User {
    private final TransferSide side;
    private final Services services;
    private final Connection.Key key;
    private final Descriptor descriptor;
    private final Talk talk;
    private final BlockClaims claims;
    private @Nullable Connection connection;
    private @Nullable Connection joining;
    private int underWay;

    /** @param key what its connection is for, with the initiator that proposed */
    NcclTarget(TransferSide side, Services services, Connection.Key key, Descriptor descriptor, PeerChannel channel) {
        this.side = side;
        this.services = services;
        this.key = key;
        this.descriptor = descriptor;
        this.talk = new Talk(channel, side, services.device(), this);
        this.claims = new BlockClaims(side.blocks().size());
    }

    /** Begins to hear from the initiator. */
    void listen() {
        talk.start();
    }

    @Override
    public void heard(Message message) {
        switch (message) {
            case Message.Join join -> join(join);
            case Message.Request request -> requested(request);
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
        Connection begun;
        try {
            begun = services.connections().join(key, join, side.terms().deadline());
        } catch (TransferException e) {
            talk.say(new Message.NotJoined(
                    join.connection(), e.code().number(), e.error().detail()));
            return;
        }
        joining = begun;
        var ignored = begun.opened().whenComplete((open, failure) -> {
            joining = null;
            if (failure == null) {
                talk.say(new Message.Joined(join.connection()));
            } else {
                talk.say(new Message.NotJoined(
                        join.connection(),
                        failure instanceof TransferException known
                                ? known.code().number()
                                : TransferErrorCode.CONNECTION_FAILED.number(),
                        String.valueOf(failure.getMessage())));
            }
        });
    }

    private void requested(Message.Request request) {
        BlockRange range = request.range();
        if (request.bytes() != side.blocks().bytes(range)) {
            throw Message.protocolError("the initiator has " + request.bytes() + " bytes in blocks " + range.first()
                    + " +" + range.count() + ", the lease has " + side.blocks().bytes(range));
        }
        if (underWay >= Message.MAX_WINDOW) {
            throw Message.protocolError("more than " + Message.MAX_WINDOW + " parts are asked for at one time");
        }
        if (!claims.claim(range.first(), range.end())) {
            throw Message.protocolError("blocks are asked for twice: " + range);
        }
        Connection open = services.connections().find(key, request.connection());
        if (open == null || !open.isOpen()) {
            refuse(range, TransferErrorCode.CONNECTION_FAILED, "the connection has ended at the target; prepare anew");
        } else if (side.terms().deadline().isExpired() || !side.enter()) {
            refuse(range, TransferErrorCode.LEASE_ENDED, "the target has ended the lease");
        } else {
            use(open);
            underWay++;
            begin(open, request);
        }
    }

    private void refuse(BlockRange range, TransferErrorCode code, String detail) {
        talk.say(new Message.Refused(range, code.number(), detail));
    }

    private void use(Connection open) {
        if (connection != open) {
            connection = open;
            open.add(this);
            services.connections().touch(open);
        }
    }

    private void begin(Connection open, Message.Request request) {
        boolean checked = request.checksum() != Message.NO_CHECKSUM;
        if (checked && side.terms().operation() == Operation.READ) {
            services.copies()
                    .checksum(
                            side.blocks(),
                            request.range(),
                            sum -> services.device().execute(() -> summed(open, request, sum)));
        } else {
            post(open, request, Message.NO_CHECKSUM);
        }
    }

    private void summed(Connection open, Message.Request request, CopyThread.Sum sum) {
        TransferError error = sum.error();
        if (error != null) {
            over();
            refuse(request.range(), error.code(), error.detail());
            side.fail(error.code(), error.detail());
        } else {
            post(open, request, sum.crc32c());
        }
    }

    private void post(Connection open, Message.Request request, long checksum) {
        BlockRange range = request.range();
        if (side.isSealed() || !open.isOpen()) {
            over();
            refuse(range, TransferErrorCode.LEASE_ENDED, "the target has ended the lease");
            return;
        }
        // the number is used only once the initiator is sure to hear of it, unless the channel breaks for both
        long sequence = open.takeSequence();
        if (!talk.say(new Message.Ready(range, sequence, checksum))) {
            over();
            open.end(TransferErrorCode.TRANSFER_FAILED, "a channel with the initiator closed while a part began");
            return;
        }
        boolean sends = side.terms().operation() == Operation.READ;
        open.post(new Half(side.blocks(), range, sends, new Half.Outcome() {
            @Override
            public void done() {
                moved(request);
            }

            @Override
            public void dropped() {
                over();
            }
        }));
    }

    private void moved(Message.Request request) {
        if (side.terms().operation() == Operation.READ) {
            over();
        } else if (request.checksum() != Message.NO_CHECKSUM && !side.isSealed()) {
            services.copies()
                    .checksum(
                            side.blocks(),
                            request.range(),
                            sum -> services.device().execute(() -> compared(request, sum)));
        } else {
            over();
            landed(request.range());
        }
    }

    private void compared(Message.Request request, CopyThread.Sum sum) {
        over();
        TransferError error = sum.error();
        if (error != null) {
            refuse(request.range(), error.code(), error.detail());
            side.fail(error.code(), error.detail());
        } else if (sum.crc32c() != request.checksum()) {
            String detail = CopyThread.differs(side.blocks(), request.range());
            refuse(request.range(), TransferErrorCode.DATA_CORRUPTED, detail);
            side.fail(TransferErrorCode.DATA_CORRUPTED, detail);
        } else {
            landed(request.range());
        }
    }

    private void landed(BlockRange range) {
        if (!side.isSealed()) {
            side.applied(range);
            talk.say(new Message.Landed(range));
        }
    }

    /** A part's blocks are not touched any more. */
    private void over() {
        underWay--;
        side.leave();
    }

    private void aborted(Message.Aborted aborted) {
        Connection known = services.connections().find(key, aborted.connection());
        if (known != null) {
            known.end(TransferErrorCode.TRANSFER_FAILED, "the initiator ended the connection: " + aborted.detail());
        }
    }

    @Override
    public void closed(@Nullable TransferError error) {
        if (joining != null) {
            joining.end(TransferErrorCode.CONNECTION_FAILED, "the initiator has given up connecting");
        }
        if (error == null) {
            // the initiator said goodbye: nothing is asked for any more, and that is no failure
            side.seal();
            return;
        }
        if (underWay > 0 && connection != null) {
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
