package io.kvferry.control.grpc;

import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * One request at its sender, until the reply is there.
 *
 * <p><b>Threads:</b> gRPC calls the listener serially on an event loop; the future completes there, so that a waiting
 * caller is unparked without another hop.
 *
 * @since 0.1.0
 */
public final class UnaryRequest extends ClientCall.Listener<byte[]> {
    private final ClientCall<byte[], byte[]> call;
    private final Owner owner;
    private final CompletableFuture<byte[]> reply = new CompletableFuture<>();
    private byte @Nullable [] message;

    /** Who sends it. */
    public interface Owner {
        /**
         * gRPC is done with the call, however it ended. Called before the future completes, and after an abort, too.
         *
         * @param status how it ended
         */
        default void closed(Status status) {}

        /**
         * Says what an end means.
         *
         * @param status not OK
         * @param trailers what came with it
         * @return what the caller gets
         */
        TransferException failure(Status status, Metadata trailers);

        /**
         * Says what is wrong with the answer.
         *
         * @param code what is wrong
         * @param detail one line for a person
         * @return what the caller gets
         */
        TransferException failure(TransferErrorCode code, String detail);
    }

    private UnaryRequest(ClientCall<byte[], byte[]> call, Owner owner) {
        this.call = call;
        this.owner = owner;
    }

    /**
     * Sends a request.
     *
     * @param call not yet started
     * @param request its bytes
     * @param owner who sends it
     * @return the request under way
     */
    public static UnaryRequest start(ClientCall<byte[], byte[]> call, byte[] request, Owner owner) {
        UnaryRequest started = new UnaryRequest(call, owner);
        call.start(started, new Metadata());
        // one more than there should be, so that a second message is noticed
        call.request(2);
        call.sendMessage(request);
        call.halfClose();
        return started;
    }

    /**
     * Returns the reply to come.
     *
     * @return completes with its bytes, or with a {@link TransferException}
     */
    public CompletableFuture<byte[]> reply() {
        return reply;
    }

    /**
     * Ends the call before gRPC does.
     *
     * @param code why
     * @param detail one line for a person
     */
    public void abort(TransferErrorCode code, String detail) {
        if (reply.completeExceptionally(owner.failure(code, detail))) {
            call.cancel(detail, null);
        }
    }

    @Override
    public void onMessage(byte[] received) {
        if (message != null) {
            abort(TransferErrorCode.PROTOCOL_ERROR, "two replies to one request");
            return;
        }
        message = received;
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
        owner.closed(status);
        if (!status.isOk()) {
            reply.completeExceptionally(owner.failure(status, trailers));
        } else if (message == null) {
            reply.completeExceptionally(owner.failure(TransferErrorCode.PROTOCOL_ERROR, "an answer without a reply"));
        } else {
            reply.complete(message);
        }
    }
}
