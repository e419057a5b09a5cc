package io.kvferry.backend.nccl;

import io.kvferry.spi.BlockClaims;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import java.util.ArrayDeque;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * The parts of one target's transfer: what the initiator asks for is checked against the lease, numbered, and its other half
 * posted. No block is touched that was not asked for, and none twice. Confined to the device thread.
 */
final class TargetParts {
    /** What the transfer knows of its connections. */
    interface Lanes {
        /** The usable connection with a number, or null. */
        @Nullable
        Connection find(long number);

        /** Tells whether that one is being made; {@link #decideHeld} follows then. */
        boolean awaits(long number);

        /** Parts move on it from here on. */
        void use(Connection open);
    }

    private final TransferSide side;
    private final Services services;
    private final Talk talk;
    private final Lanes connections;
    private final BlockClaims claims;
    private final Queue<Message.Request> held = new ArrayDeque<>();
    private int underWay;

    TargetParts(TransferSide side, Services services, Talk talk, Lanes connections) {
        this.side = side;
        this.services = services;
        this.talk = talk;
        this.connections = connections;
        this.claims = new BlockClaims(side.blocks().size());
    }

    /** Tells whether any part is agreed and not over. */
    boolean areUnderWay() {
        return underWay > 0;
    }

    /** The initiator asks for blocks. */
    void requested(Message.Request request) {
        BlockRange range = request.range();
        if (request.bytes() != side.blocks().bytes(range)) {
            throw Message.protocolError("the initiator has " + request.bytes() + " bytes in blocks " + range.first()
                    + " +" + range.count() + ", the lease has " + side.blocks().bytes(range));
        }
        if (underWay + held.size() >= Message.MAX_WINDOW) {
            throw Message.protocolError("more than " + Message.MAX_WINDOW + " parts are asked for at one time");
        }
        if (!claims.claim(range.first(), range.end())) {
            throw Message.protocolError("blocks are asked for twice: " + range);
        }
        if (connections.awaits(request.connection())) {
            // the initiator's rank is through, ours is about to be
            held.add(request);
        } else {
            decide(request);
        }
    }

    /** The connection is there, or has come to nothing. */
    void decideHeld() {
        for (Message.Request request = held.poll(); request != null; request = held.poll()) {
            decide(request);
        }
    }

    private void decide(Message.Request request) {
        BlockRange range = request.range();
        Connection open = connections.find(request.connection());
        if (open == null || !open.isOpen()) {
            refuse(range, TransferErrorCode.CONNECTION_FAILED, "the connection has ended at the target; prepare anew");
        } else if (side.terms().deadline().isExpired() || !side.enter()) {
            refuse(range, TransferErrorCode.LEASE_ENDED, "the target has ended the lease");
        } else {
            connections.use(open);
            underWay++;
            begin(open, request);
        }
    }

    private void refuse(BlockRange range, TransferErrorCode code, String detail) {
        talk.say(new Message.Refused(range, code.number(), detail));
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
        open.postAtTarget(sequence, new Half(side.blocks(), range, sends, new Half.Outcome() {
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
}
