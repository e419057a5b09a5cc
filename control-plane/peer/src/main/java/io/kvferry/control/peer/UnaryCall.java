package io.kvferry.control.peer;

import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.Side;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * One request at its sender, until the reply is there.
 *
 * <p><b>Threads:</b> gRPC calls the listener serially on an event loop; the future completes there, so that a waiting
 * caller is unparked without another hop.
 */
final class UnaryCall extends ClientCall.Listener<byte[]> {
    private final PeerMethod method;
    private final PeerConnection connection;
    private final PeerConnections connections;
    private final ClientCall<byte[], byte[]> call;
    private final PeerCounters counters;
    private final CompletableFuture<PeerReply> reply = new CompletableFuture<>();
    private byte @Nullable [] message;

    UnaryCall(
            PeerMethod method,
            PeerConnection connection,
            PeerConnections connections,
            ClientCall<byte[], byte[]> call,
            PeerCounters counters) {
        this.method = method;
        this.connection = connection;
        this.connections = connections;
        this.call = call;
        this.counters = counters;
    }

    CompletableFuture<PeerReply> start(byte[] request) {
        call.start(this, new Metadata());
        // one more than there should be, so that a second message is noticed
        call.request(2);
        call.sendMessage(request);
        call.halfClose();
        return reply;
    }

    /** Ends the call before gRPC does. */
    void abort(TransferErrorCode code, String detail) {
        if (fail(CallErrors.error(code, method.stage(), connection.peer(), detail))) {
            call.cancel(detail, null);
        }
    }

    @Override
    public void onMessage(byte[] received) {
        if (message != null) {
            counters.undecodable.increment();
            abort(TransferErrorCode.PROTOCOL_ERROR, "two replies to one request");
            return;
        }
        message = received;
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
        connection.release();
        if (!status.isOk()) {
            if (status.getCode() == Status.Code.UNAVAILABLE) {
                connections.failed(connection);
            }
            fail(CallErrors.of(status, trailers, method.stage(), connection.peer()));
            return;
        }
        if (message == null) {
            counters.undecodable.increment();
            fail(CallErrors.error(
                    TransferErrorCode.PROTOCOL_ERROR, method.stage(), connection.peer(), "an answer without a reply"));
            return;
        }
        complete(message);
    }

    private void complete(byte[] bytes) {
        PeerReply decoded;
        try {
            decoded = MessageDecoder.reply(method, bytes);
        } catch (TransferException e) {
            counters.undecodable.increment();
            fail(e.error().at(Side.INITIATOR, connection.peer().toString()));
            return;
        }
        reply.complete(decoded);
    }

    private boolean fail(TransferError error) {
        return reply.completeExceptionally(new TransferException(error));
    }
}
