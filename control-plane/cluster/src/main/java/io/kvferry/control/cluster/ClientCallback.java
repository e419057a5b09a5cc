package io.kvferry.control.cluster;

import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.TransferErrorCode;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * One call to a controller with one request and one reply.
 *
 * <p><b>Threads:</b> gRPC calls it on an event loop; the future completes there.
 */
final class ClientCallback extends ClientCall.Listener<byte[]> {
    private final ClientCall<byte[], byte[]> call;
    private final PeerAddress controller;
    private final CompletableFuture<byte[]> reply = new CompletableFuture<>();
    private byte @Nullable [] message;

    private ClientCallback(ClientCall<byte[], byte[]> call, PeerAddress controller) {
        this.call = call;
        this.controller = controller;
    }

    static CompletableFuture<byte[]> start(ClientCall<byte[], byte[]> call, byte[] request, PeerAddress controller) {
        ClientCallback callback = new ClientCallback(call, controller);
        call.start(callback, new Metadata());
        // one more than there should be, so that a second message is noticed
        call.request(2);
        call.sendMessage(request);
        call.halfClose();
        return callback.reply;
    }

    @Override
    public void onMessage(byte[] received) {
        if (message != null) {
            fail(TransferErrorCode.PROTOCOL_ERROR, "two replies to one request");
            call.cancel("two replies", null);
        }
        message = received;
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
        if (!status.isOk()) {
            reply.completeExceptionally(CallErrors.ended(status, trailers, controller));
        } else if (message == null) {
            fail(TransferErrorCode.PROTOCOL_ERROR, "an answer without a reply");
        } else {
            reply.complete(message);
        }
    }

    private void fail(TransferErrorCode code, String detail) {
        reply.completeExceptionally(CallErrors.error(code, controller, detail));
    }
}
