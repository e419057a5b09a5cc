package io.kvferry.control.cluster;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.Status;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** Receives the calls of one method that has one request and one reply. */
final class UnaryCalls implements ServerCallHandler<byte[], byte[]> {
    /** Answers a request. */
    interface Answer {
        /**
         * Answers a request.
         *
         * @param request its bytes, not yet decoded
         * @param deadline how long the caller waits
         * @return the reply, when it is there
         */
        CompletionStage<MessageLite> to(byte[] request, Deadline deadline) throws InvalidProtocolBufferException;
    }

    private final ControllerServer server;
    private final boolean inline;
    private final Answer answer;

    /**
     * Makes a receiver.
     *
     * @param inline true if the answer never waits, so that the event loop may make it
     */
    UnaryCalls(ControllerServer server, boolean inline, Answer answer) {
        this.server = server;
        this.inline = inline;
        this.answer = answer;
    }

    @Override
    public ServerCall.Listener<byte[]> startCall(ServerCall<byte[], byte[]> call, Metadata headers) {
        if (!server.enterCall(call)) {
            return new ServerCall.Listener<>() {};
        }
        Inbound inbound = new Inbound(call, Context.current().getDeadline());
        // one more than there should be, so that a second message is noticed
        call.request(2);
        return inbound;
    }

    /** One request, until it is answered. */
    private final class Inbound extends ServerCall.Listener<byte[]> {
        private final ServerCall<byte[], byte[]> call;
        private final Deadline deadline;
        private final Scheduler.@Nullable Scheduled limit;
        private final AtomicBoolean answered = new AtomicBoolean();
        private byte @Nullable [] message;
        private boolean tooMany;
        private boolean complete;

        Inbound(ServerCall<byte[], byte[]> call, io.grpc.@Nullable Deadline told) {
            this.call = call;
            this.deadline = told == null
                    ? server.context().in(server.defaultTimeout())
                    : Deadline.afterNanos(
                            told.timeRemaining(TimeUnit.NANOSECONDS),
                            server.context().ticker());
            this.limit = told == null ? limit() : null;
        }

        /** Ends a call that told no deadline by our own. */
        private Scheduler.@Nullable Scheduled limit() {
            try {
                return server.context()
                        .scheduler()
                        .schedule(
                                deadline,
                                () -> refuse(CallErrors.refusal(
                                        TransferErrorCode.DEADLINE_EXCEEDED,
                                        "no answer within kvferry.controller.default-timeout")));
            } catch (TransferException shuttingDown) {
                return null;
            }
        }

        @Override
        public void onMessage(byte[] received) {
            tooMany = message != null;
            message = received;
        }

        @Override
        public void onHalfClose() {
            complete = true;
            byte[] request = message;
            message = null;
            if (request == null || tooMany) {
                server.context().counters().increment(Counter.UNDECODABLE);
                refuse(CallErrors.refusal(TransferErrorCode.PROTOCOL_ERROR, "a call has exactly one request"));
            } else if (inline) {
                serve(request);
            } else {
                try {
                    server.blocking().execute(() -> serve(request));
                } catch (RejectedExecutionException e) {
                    refuse(CallErrors.refusal(TransferErrorCode.SHUTTING_DOWN, "the controller is closing"));
                }
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
                server.context().counters().increment(Counter.INCOMPLETE_CALLS);
            }
            if (limit != null) {
                limit.cancel();
            }
            server.leaveCall();
        }

        private void serve(byte[] request) {
            try {
                answer.to(request, deadline).whenComplete(this::reply);
            } catch (InvalidProtocolBufferException | RuntimeException | Error e) {
                refuse(CallErrors.of(e, server.context().counters()));
            }
        }

        private void reply(@Nullable MessageLite reply, @Nullable Throwable failure) {
            if (failure != null || reply == null) {
                Throwable cause = failure != null ? failure : new NullPointerException("no reply");
                refuse(CallErrors.of(cause, server.context().counters()));
                return;
            }
            if (answered.compareAndSet(false, true) && !call.isCancelled()) {
                call.sendHeaders(new Metadata());
                call.sendMessage(reply.toByteArray());
                call.close(Status.OK, new Metadata());
            }
        }

        private void refuse(TransferError error) {
            if (answered.compareAndSet(false, true) && !call.isCancelled()) {
                call.close(CallErrors.status(error), CallErrors.trailers(error));
            }
        }
    }
}
