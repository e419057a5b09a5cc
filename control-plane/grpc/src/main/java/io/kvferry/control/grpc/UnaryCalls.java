package io.kvferry.control.grpc;

import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.Status;
import io.kvferry.control.grpc.PortCounters.Kind;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Receives the calls of one method that has one request and one reply.
 *
 * <p><b>Threads:</b> Thread-safe; requests are answered on the given executor.
 *
 * @since 0.1.0
 */
public final class UnaryCalls implements ServerCallHandler<byte[], byte[]> {
    private final InboundCalls calls;
    private final Stage stage;
    private final Executor executor;
    private final Answer answer;

    /** Answers requests. */
    @FunctionalInterface
    public interface Answer {
        /**
         * Answers a request.
         *
         * @param request its bytes, not yet decoded
         * @param deadline how long the caller waits
         * @return the reply's bytes, when they are there
         * @throws InvalidProtocolBufferException if the request cannot be decoded
         */
        CompletionStage<byte[]> to(byte[] request, Deadline deadline) throws InvalidProtocolBufferException;
    }

    /**
     * Makes a receiver.
     *
     * @param calls bounds them
     * @param stage the step they belong to
     * @param executor makes answers; {@code Runnable::run} for those that never wait, which the event loop then makes
     * @param answer what to answer
     */
    public UnaryCalls(InboundCalls calls, Stage stage, Executor executor, Answer answer) {
        this.calls = calls;
        this.stage = stage;
        this.executor = executor;
        this.answer = answer;
    }

    @Override
    public ServerCall.Listener<byte[]> startCall(ServerCall<byte[], byte[]> call, Metadata headers) {
        if (!calls.enter(call, stage)) {
            return new ServerCall.Listener<>() {};
        }
        Inbound inbound = new Inbound(call, Context.current());
        // one more than there should be, so that a second message is noticed
        call.request(2);
        return inbound;
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
            this.deadline = calls.deadline(context);
            this.limit = calls.limit(
                    context,
                    deadline,
                    () -> refuse(
                            TransferErrorCode.DEADLINE_EXCEEDED,
                            "no answer within the other side's "
                                    + calls.limits().timeoutKey()));
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
                calls.counters().count(Kind.UNDECODABLE);
                refuse(TransferErrorCode.PROTOCOL_ERROR, "a call has exactly one request");
                return;
            }
            try {
                executor.execute(() -> serve(request));
            } catch (RejectedExecutionException e) {
                refuse(TransferErrorCode.SHUTTING_DOWN, "the other side is closing");
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
                calls.counters().count(Kind.INCOMPLETE_CALLS);
            }
            if (limit != null) {
                limit.cancel();
            }
            calls.leave();
        }

        private void serve(byte[] request) {
            try {
                var ignored = answer.to(request, deadline).whenComplete(this::reply);
            } catch (InvalidProtocolBufferException | RuntimeException | Error e) {
                refuse(CallErrors.of(e, stage, calls.counters()));
            }
        }

        private void reply(byte @Nullable [] reply, @Nullable Throwable failure) {
            if (failure != null || reply == null) {
                Throwable cause = failure != null ? failure : new NullPointerException("no reply");
                refuse(CallErrors.of(cause, stage, calls.counters()));
                return;
            }
            if (answered.compareAndSet(false, true) && !call.isCancelled()) {
                call.sendHeaders(new Metadata());
                call.sendMessage(reply);
                call.close(Status.OK, new Metadata());
            }
        }

        private void refuse(TransferErrorCode code, String detail) {
            refuse(CallErrors.refusal(code, stage, detail));
        }

        private void refuse(TransferError error) {
            if (answered.compareAndSet(false, true) && !call.isCancelled()) {
                CallErrors.close(call, error);
            }
        }
    }
}
