package io.kvferry.control.peer;

import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.Status;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** Answers the calls of one method. Decodes on the event loop, runs the service on a thread that may block. */
final class InboundRequests implements ServerCallHandler<byte[], byte[]> {
    private final PeerMethod method;
    private final InboundCalls inbound;

    InboundRequests(PeerMethod method, InboundCalls inbound) {
        this.method = method;
        this.inbound = inbound;
    }

    @Override
    public ServerCall.Listener<byte[]> startCall(ServerCall<byte[], byte[]> call, Metadata headers) {
        if (!inbound.enter(call, method.stage())) {
            return new ServerCall.Listener<>() {};
        }
        Inbound listener = new Inbound(call, Context.current());
        // one more than there should be, so that a second message is noticed
        call.request(2);
        return listener;
    }

    /** One request, until it is answered. */
    private final class Inbound extends ServerCall.Listener<byte[]> {
        private final ServerCall<byte[], byte[]> call;
        private final Deadline deadline;
        private final AtomicBoolean answered = new AtomicBoolean();
        private byte @Nullable [] message;
        private boolean tooMany;
        private boolean complete;
        private final Scheduler.@Nullable Scheduled limit;

        Inbound(ServerCall<byte[], byte[]> call, Context context) {
            this.call = call;
            this.deadline = inbound.deadline(context);
            this.limit = inbound.limit(
                    context,
                    deadline,
                    () -> refuse(
                            TransferErrorCode.DEADLINE_EXCEEDED,
                            "no answer within the peer's kvferry.peer.default-timeout"));
        }

        @Override
        public void onMessage(byte[] received) {
            tooMany = message != null;
            message = received;
        }

        @Override
        public void onHalfClose() {
            complete = true;
            if (message == null || tooMany) {
                inbound.counters().undecodable.increment();
                refuse(TransferErrorCode.PROTOCOL_ERROR, "a call has exactly one request");
                return;
            }
            PeerRequest<?> request;
            try {
                request = MessageDecoder.request(method, message);
            } catch (TransferException e) {
                inbound.counters().undecodable.increment();
                refuse(e.error().code(), e.error().detail());
                return;
            }
            message = null;
            try {
                inbound.executor().execute(() -> serve(request));
            } catch (RejectedExecutionException e) {
                refuse(TransferErrorCode.SHUTTING_DOWN, "the peer is closing");
            }
        }

        @Override
        public void onCancel() {
            end();
        }

        @Override
        public void onComplete() {
            end();
        }

        private void end() {
            if (!complete) {
                inbound.counters().incompleteCalls.increment();
            }
            if (limit != null) {
                limit.cancel();
            }
            inbound.leave();
        }

        private <R extends PeerReply> void serve(PeerRequest<R> request) {
            try {
                CompletionStage<R> stage = inbound.service().handle(request, deadline);
                stage.whenComplete((reply, failure) -> answer(request, reply, failure));
            } catch (RuntimeException | Error e) {
                refuse(CallErrors.ofService(e, method.stage(), inbound.counters()));
            }
        }

        private void answer(PeerRequest<?> request, @Nullable PeerReply reply, @Nullable Throwable failure) {
            if (failure != null || reply == null) {
                Throwable cause = failure != null ? failure : new NullPointerException("no reply to " + request);
                refuse(CallErrors.ofService(cause, method.stage(), inbound.counters()));
                return;
            }
            byte[] bytes;
            try {
                bytes = MessageEncoder.encode(reply);
            } catch (RuntimeException e) {
                refuse(CallErrors.ofService(e, method.stage(), inbound.counters()));
                return;
            }
            if (answered.compareAndSet(false, true) && !call.isCancelled()) {
                call.sendHeaders(new Metadata());
                call.sendMessage(bytes);
                call.close(Status.OK, new Metadata());
            }
        }

        private void refuse(TransferErrorCode code, String detail) {
            refuse(CallErrors.refusal(code, method.stage(), detail));
        }

        private void refuse(TransferError error) {
            if (answered.compareAndSet(false, true) && !call.isCancelled()) {
                call.close(CallErrors.status(error), ErrorCodec.toTrailers(error));
            }
        }
    }
}
