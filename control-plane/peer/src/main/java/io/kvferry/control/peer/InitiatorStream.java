package io.kvferry.control.peer;

import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import io.kvferry.control.grpc.PortCounters;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** The initiator's end of a channel's stream. */
final class InitiatorStream extends ClientCall.Listener<byte[]> implements MessageStream {
    private final PeerConnection connection;
    private final PeerConnections connections;
    private final ClientCall<byte[], byte[]> call;
    private final GrpcPeerChannel channel;
    private final AtomicBoolean ended = new AtomicBoolean();
    private final CompletableFuture<@Nullable Void> closed = new CompletableFuture<>();
    private boolean accepted;

    InitiatorStream(
            PeerConnection connection,
            PeerConnections connections,
            ClientCall<byte[], byte[]> call,
            ChannelLimits limits,
            PortCounters counters) {
        this.connection = connection;
        this.connections = connections;
        this.call = call;
        this.channel = new GrpcPeerChannel(
                this, limits, Side.INITIATOR, connection.peer().toString(), counters);
    }

    GrpcPeerChannel open(ChannelId id) {
        call.start(this, new Metadata());
        channel.open(MessageEncoder.channelOpen(id));
        return channel;
    }

    /** Completes when gRPC is done with the stream. */
    CompletableFuture<@Nullable Void> closed() {
        return closed;
    }

    @Override
    public boolean isReady() {
        return call.isReady();
    }

    @Override
    public void write(byte[] frame) {
        call.sendMessage(frame);
    }

    @Override
    public void request(int frames) {
        call.request(frames);
    }

    @Override
    public void end() {
        if (ended.compareAndSet(false, true)) {
            call.halfClose();
        }
    }

    @Override
    public void abort(TransferError why) {
        call.cancel(why.detail(), null);
    }

    @Override
    public void onHeaders(Metadata headers) {
        accepted = true;
    }

    @Override
    public void onReady() {
        channel.ready();
    }

    @Override
    public void onMessage(byte[] frame) {
        channel.received(frame);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
        connection.release();
        closed.complete(null);
        if (status.isOk()) {
            channel.remoteEnded(null);
            return;
        }
        if (status.getCode() == Status.Code.UNAVAILABLE) {
            connections.failed(connection);
        }
        PeerAddress peer = connection.peer();
        TransferError error = PeerErrors.ended(status, trailers, Stage.TRANSFER, peer);
        boolean lost = accepted && status.getCode() == Status.Code.UNAVAILABLE && !connection.isDropped();
        channel.remoteEnded(
                lost
                        ? PeerErrors.error(
                                TransferErrorCode.PEER_LOST,
                                Stage.TRANSFER,
                                peer,
                                "the connection that carried the channel is gone: " + error.detail())
                        : error);
    }
}
