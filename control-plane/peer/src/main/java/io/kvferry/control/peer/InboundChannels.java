package io.kvferry.control.peer;

import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.kvferry.control.grpc.CallErrors;
import io.kvferry.control.grpc.InboundCalls;
import io.kvferry.control.grpc.PortCounters.Kind;
import io.kvferry.spi.PeerService;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** Takes the channels that peers open. The first frame says which transfer; the service accepts or refuses. */
final class InboundChannels implements ServerCallHandler<byte[], byte[]> {
    private final PeerService service;
    private final ChannelLimits limits;
    private final Executor executor;
    private final InboundCalls inbound;

    InboundChannels(PeerService service, ChannelLimits limits, Executor executor, InboundCalls inbound) {
        this.service = service;
        this.limits = limits;
        this.executor = executor;
        this.inbound = inbound;
    }

    @Override
    public ServerCall.Listener<byte[]> startCall(ServerCall<byte[], byte[]> call, Metadata headers) {
        if (!inbound.enter(call, Stage.TRANSFER)) {
            return new ServerCall.Listener<>() {};
        }
        Inbound listener = new Inbound(call, Context.current());
        // the next is let in by who receives
        call.request(1);
        return listener;
    }

    /** One channel. */
    private final class Inbound extends ServerCall.Listener<byte[]> {
        private final ServerCall<byte[], byte[]> call;
        private final Context context;
        private final TargetStream stream;
        private final GrpcPeerChannel channel;
        private final Scheduler.@Nullable Scheduled limit;
        private boolean opened;

        Inbound(ServerCall<byte[], byte[]> call, Context context) {
            this.call = call;
            this.context = context;
            this.stream = new TargetStream(call);
            this.channel = new GrpcPeerChannel(
                    stream,
                    limits,
                    Side.TARGET,
                    String.valueOf(call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR)),
                    inbound.counters());
            this.limit = inbound.limit(
                    context,
                    inbound.deadline(context),
                    () -> channel.breakWith(channel.error(
                            TransferErrorCode.DEADLINE_EXCEEDED,
                            "the channel was open for longer than the peer's kvferry.peer.default-timeout")));
        }

        @Override
        public void onMessage(byte[] frame) {
            if (opened) {
                channel.received(frame);
                return;
            }
            opened = true;
            ChannelId id;
            try {
                id = MessageDecoder.channelOpen(frame);
            } catch (TransferException e) {
                inbound.counters().count(Kind.UNDECODABLE);
                channel.breakWith(e.error().at(Side.TARGET, ""));
                return;
            }
            try {
                executor.execute(() -> accept(id));
            } catch (RejectedExecutionException e) {
                channel.breakWith(channel.error(TransferErrorCode.SHUTTING_DOWN, "the peer is closing"));
            }
        }

        private void accept(ChannelId id) {
            try {
                call.sendHeaders(new Metadata());
                service.channelOpened(id.id(), id.attempt(), id.epoch(), channel);
            } catch (RuntimeException | Error e) {
                channel.breakWith(CallErrors.of(e, Stage.TRANSFER, inbound.counters()));
            }
        }

        @Override
        public void onReady() {
            channel.ready();
        }

        @Override
        public void onHalfClose() {
            if (channel.remoteEnded(null)) {
                stream.end();
            }
        }

        @Override
        public void onCancel() {
            boolean late = context.cancellationCause() instanceof TimeoutException
                    || (context.getDeadline() != null && context.getDeadline().isExpired());
            channel.remoteEnded(
                    late
                            ? channel.error(TransferErrorCode.DEADLINE_EXCEEDED, "the channel's deadline has passed")
                            : channel.error(
                                    TransferErrorCode.CONTROL_FAILED,
                                    "the initiator has broken the channel, or the connection to it is gone"));
            end();
        }

        @Override
        public void onComplete() {
            // after an end of this side no frame follows
            channel.remoteEnded(null);
            end();
        }

        private void end() {
            if (limit != null) {
                limit.cancel();
            }
            inbound.leave();
        }
    }
}
