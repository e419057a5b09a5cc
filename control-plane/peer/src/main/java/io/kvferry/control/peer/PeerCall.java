package io.kvferry.control.peer;

import io.grpc.Metadata;
import io.grpc.Status;
import io.kvferry.control.grpc.PortCounters;
import io.kvferry.control.grpc.PortCounters.Kind;
import io.kvferry.control.grpc.UnaryRequest;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.Side;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.CompletableFuture;

/**
 * One call to a peer: holds its place on the connection, and knows what its end means.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class PeerCall implements UnaryRequest.Owner {
    private final PeerMethod method;
    private final PeerConnection connection;
    private final PeerConnections connections;
    private final PortCounters counters;

    PeerCall(PeerMethod method, PeerConnection connection, PeerConnections connections, PortCounters counters) {
        this.method = method;
        this.connection = connection;
        this.connections = connections;
        this.counters = counters;
    }

    @Override
    public void closed(Status status) {
        connection.release();
        if (status.getCode() == Status.Code.UNAVAILABLE) {
            connections.failed(connection);
        }
    }

    @Override
    public TransferException failure(Status status, Metadata trailers) {
        return new TransferException(PeerErrors.ended(status, trailers, method.stage(), connection.peer()));
    }

    @Override
    public TransferException failure(TransferErrorCode code, String detail) {
        if (code == TransferErrorCode.PROTOCOL_ERROR) {
            counters.count(Kind.UNDECODABLE);
        }
        return new TransferException(PeerErrors.error(code, method.stage(), connection.peer(), detail));
    }

    /** What a request's bytes bring back, decoded; a failure is a {@link TransferException} and nothing around it. */
    CompletableFuture<PeerReply> decoded(UnaryRequest sent) {
        CompletableFuture<PeerReply> reply = new CompletableFuture<>();
        var ignored = sent.reply().whenComplete((bytes, failure) -> {
            if (failure != null) {
                reply.completeExceptionally(failure);
                return;
            }
            try {
                reply.complete(MessageDecoder.reply(method, bytes));
            } catch (TransferException e) {
                counters.count(Kind.UNDECODABLE);
                reply.completeExceptionally(new TransferException(
                        e.error().at(Side.INITIATOR, connection.peer().toString()), e));
            }
        });
        return reply;
    }
}
