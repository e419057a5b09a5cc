package io.kvferry.backend.tcp;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.LeaseKey;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import org.jspecify.annotations.Nullable;

/**
 * Decides what each received frame may do. Nothing here trusts the peer: a frame is matched with a transfer, its key,
 * peer, epoch, access and bounds are checked, and only then does anything happen. Confined to the lane's event loop.
 */
final class FrameRouter implements FrameReceiver.Listener {
    private final Lane lane;
    private final LaneScope scope;
    /** The stream refused last: the frames behind a refused one are drained without a word. */
    private long refusedStream;

    FrameRouter(Lane lane, LaneScope scope) {
        this.lane = lane;
        this.scope = scope;
    }

    @Override
    public @Nullable InStream landing(FrameHeader frame) {
        if (lane.isClosing() || !isGreeted(frame)) {
            return null;
        }
        return lane.isDialed() ? answer(frame) : write(frame);
    }

    private @Nullable InStream write(FrameHeader frame) {
        TcpTransfer transfer = scope.leases().find(frame.slot);
        Refusal refusal = access(transfer, frame);
        if (transfer == null || refusal != null) {
            return refuse(frame, refusal);
        }
        LaneStream known = transfer.streamOn(lane);
        InStream stream = known instanceof InStream in ? in : new InStream(transfer, lane, frame.stream);
        if (known == null) {
            transfer.add(stream);
        } else if (stream.name() != frame.stream || stream != known) {
            return refuse(frame, new Refusal(TransferErrorCode.PROTOCOL_ERROR, "the stream changed its name"));
        }
        return land(stream, frame);
    }

    /** The answer to a READ. What comes for a stream that is gone is late, and drained. */
    private @Nullable InStream answer(FrameHeader frame) {
        TcpTransfer transfer = scope.initiated().find(frame.stream);
        if (transfer == null
                || !transfer.lease().opens(frame)
                || !(transfer.streamOn(lane) instanceof InStream stream)) {
            return null;
        }
        return land(stream, frame);
    }

    private @Nullable InStream land(InStream stream, FrameHeader frame) {
        TcpTransfer transfer = stream.transfer();
        if (frame.length == 0) {
            return refuse(frame, new Refusal(TransferErrorCode.PROTOCOL_ERROR, "a DATA frame without data"));
        }
        if (!transfer.gate().enter()) {
            return lane.isDialed() ? null : refuse(frame, ended(transfer));
        }
        Refusal refusal = stream.begin(frame);
        if (refusal != null) {
            transfer.gate().leave();
            transfer.fail(refusal.code(), "refused a frame of the peer: " + refusal.detail());
            return refuse(frame, refusal);
        }
        return stream;
    }

    /** What ended a lease early may be known on one lane before the peer has heard of it on another. */
    private static Refusal ended(@Nullable TcpTransfer transfer) {
        TransferError failure = transfer == null ? null : transfer.status().error();
        return failure == null
                ? new Refusal(TransferErrorCode.LEASE_ENDED, "the lease is unknown or has ended; prepare again")
                : new Refusal(failure.code(), failure.detail());
    }

    /** Checks everything about a lease but bounds. */
    private @Nullable Refusal access(@Nullable TcpTransfer transfer, FrameHeader frame) {
        if (transfer == null) {
            return ended(null);
        }
        if (!transfer.lease().opens(frame) || transfer.terms().peerInstance() != lane.peerInstance()) {
            return new Refusal(TransferErrorCode.ACCESS_DENIED, "the lease key or the peer is not the lease's");
        }
        if (transfer.lease().epoch() != frame.epoch) {
            return new Refusal(
                    TransferErrorCode.LEASE_ENDED,
                    "epoch=" + frame.epoch + " is not the lease's epoch="
                            + transfer.lease().epoch());
        }
        Operation needed = frame.type == FrameType.DATA ? Operation.WRITE : Operation.READ;
        boolean answering = frame.type == FrameType.ERROR;
        if (!answering && transfer.terms().operation() != needed) {
            return new Refusal(
                    TransferErrorCode.ACCESS_DENIED,
                    "the lease allows " + transfer.terms().operation() + ", the peer tried " + needed);
        }
        return null;
    }

    private @Nullable InStream refuse(FrameHeader frame, @Nullable Refusal refusal) {
        scope.refused().incrementAndGet();
        if (refusal != null && refusedStream != frame.stream) {
            refusedStream = frame.stream;
            TcpLease echoed = new TcpLease(frame.slot, new LeaseKey(frame.keyHigh, frame.keyLow, frame.epoch));
            lane.sender().error(frame.stream, echoed, refusal.code(), refusal.detail());
            lane.sender().pump();
        }
        return null;
    }

    @Override
    public void landed(InStream stream, FrameHeader frame, boolean intact) {
        if (intact) {
            lane.acks().landed(frame.length, frame.isLast());
            stream.landed();
            return;
        }
        Refusal refusal = new Refusal(
                TransferErrorCode.DATA_CORRUPTED,
                "the checksum of " + frame.length + " bytes from block " + frame.block + " on differs");
        TcpTransfer transfer = stream.transfer();
        transfer.fail(refusal.code(), refusal.detail());
        refusedStream = frame.stream;
        lane.sender().error(frame.stream, transfer.lease(), refusal.code(), refusal.detail());
        lane.sender().pump();
    }

    @Override
    public void control(FrameHeader frame, String detail) {
        if (frame.type == FrameType.ERROR && frame.stream == 0) {
            closedByPeer(frame, printable(detail));
        } else if (!lane.isClosing()) {
            act(frame, detail);
        }
    }

    private void act(FrameHeader frame, String detail) {
        switch (frame.type) {
            case HELLO -> hello(frame);
            case WELCOME -> welcome(frame);
            case READ -> read(frame);
            case ACK -> acknowledge(frame);
            case ERROR -> error(frame, printable(detail));
            case DATA -> throw new IllegalStateException("DATA is no control frame");
        }
    }

    private void hello(FrameHeader frame) {
        if (lane.isDialed() || lane.isOpen()) {
            lane.refuseConnection(TransferErrorCode.PROTOCOL_ERROR, "HELLO came when none was due");
        } else if (frame.count != FrameHeader.PROTOCOL_VERSION) {
            lane.refuseConnection(
                    TransferErrorCode.INCOMPATIBLE_PEER,
                    "protocol=" + frame.count + " is not protocol=" + FrameHeader.PROTOCOL_VERSION
                            + "; run the same version");
        } else if (frame.slot != scope.instance()) {
            lane.refuseConnection(
                    TransferErrorCode.PEER_RESTARTED,
                    "the process that listened here before is gone; meet the peer again");
        } else {
            lane.greeted(frame.stream);
            FrameHeader header = lane.sender().header(FrameType.WELCOME, scope.instance());
            header.slot = frame.stream;
            header.count = FrameHeader.PROTOCOL_VERSION;
            lane.sender().control();
            lane.sender().pump();
        }
    }

    private void welcome(FrameHeader frame) {
        if (!lane.isDialed() || lane.isOpen()) {
            lane.refuseConnection(TransferErrorCode.PROTOCOL_ERROR, "WELCOME came when none was due");
        } else if (frame.stream != lane.peerInstance()) {
            lane.refuseConnection(TransferErrorCode.PEER_RESTARTED, "another process answered; meet the peer again");
        } else {
            lane.greeted(frame.stream);
        }
    }

    private void read(FrameHeader frame) {
        if (!isGreeted(frame) || lane.isDialed()) {
            return;
        }
        TcpTransfer transfer = scope.leases().find(frame.slot);
        Refusal refusal = access(transfer, frame);
        if (transfer == null || refusal != null) {
            refuse(frame, refusal);
            return;
        }
        if (transfer.hasEnded()) {
            refuse(frame, ended(transfer));
            return;
        }
        int blocks = transfer.blocks().size();
        if (frame.block < 0 || frame.count < 1 || frame.block > blocks - frame.count) {
            refuse(
                    frame,
                    new Refusal(
                            TransferErrorCode.ACCESS_DENIED,
                            "READ of " + frame.count + " blocks from " + frame.block + " on is not inside the lease's "
                                    + blocks));
            return;
        }
        if (!(streamForRead(transfer, frame) instanceof OutStream stream)
                || stream.unsentRanges() > ReadQueue.MAX_AT_TARGET
                || !transfer.claims().claim(frame.block, frame.block + frame.count)) {
            refuse(frame, new Refusal(TransferErrorCode.PROTOCOL_ERROR, "READ asked twice, or for too much at once"));
            return;
        }
        transfer.begin();
        lane.send(stream, new BlockRange(frame.block, frame.count));
    }

    private @Nullable LaneStream streamForRead(TcpTransfer transfer, FrameHeader frame) {
        LaneStream known = transfer.streamOn(lane);
        if (known == null) {
            known = new OutStream(transfer, lane, frame.stream, frame.hasChecksum());
            transfer.add(known);
        }
        return known instanceof OutStream out && out.name() == frame.stream ? out : null;
    }

    /** Finds the transfer that the peer answers: at the initiator by name, at the target by slot and key. */
    private @Nullable TcpTransfer answered(FrameHeader frame) {
        if (lane.isDialed()) {
            return scope.initiated().find(frame.stream);
        }
        TcpTransfer transfer = scope.leases().find(frame.slot);
        return access(transfer, frame) == null ? transfer : null;
    }

    private void acknowledge(FrameHeader frame) {
        if (!isGreeted(frame)) {
            return;
        }
        TcpTransfer transfer = answered(frame);
        if (transfer == null || !(transfer.streamOn(lane) instanceof OutStream stream)) {
            return;
        }
        Refusal refusal = stream.acknowledged(frame.offset);
        if (refusal != null) {
            scope.refused().incrementAndGet();
            transfer.fail(refusal.code(), refusal.detail());
        }
    }

    /** The peer says goodbye, or that it cannot go on: either way only this connection ends. */
    private void closedByPeer(FrameHeader frame, String detail) {
        lane.close(toldBy(frame), "the peer closed " + lane + ": " + detail);
    }

    private static TransferErrorCode toldBy(FrameHeader frame) {
        TransferErrorCode told = TransferErrorCode.ofNumber(frame.count);
        return told == TransferErrorCode.OK ? TransferErrorCode.PROTOCOL_ERROR : told;
    }

    private void error(FrameHeader frame, String detail) {
        TransferErrorCode code = toldBy(frame);
        TcpTransfer transfer = answered(frame);
        LaneStream stream = transfer == null ? null : transfer.streamOn(lane);
        if (transfer == null || stream == null) {
            return;
        }
        if (code != TransferErrorCode.CANCELLED) {
            transfer.fail(code, frame.count, "the peer refused: " + detail);
        }
        stream.stop();
    }

    private boolean isGreeted(FrameHeader frame) {
        if (lane.isOpen()) {
            return true;
        }
        lane.refuseConnection(TransferErrorCode.PROTOCOL_ERROR, frame.type + " came before the greeting");
        return false;
    }

    private static String printable(String detail) {
        return detail.replaceAll("[^\\x20-\\x7E]", "?");
    }

    @Override
    public void undecodable(String reason) {
        lane.refuseConnection(TransferErrorCode.PROTOCOL_ERROR, reason);
    }
}
