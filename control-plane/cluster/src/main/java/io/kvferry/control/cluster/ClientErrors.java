package io.kvferry.control.cluster;

import io.grpc.Metadata;
import io.grpc.Status;
import io.kvferry.control.grpc.CallErrors;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import org.jspecify.annotations.Nullable;

/** What a failed call to a controller means. */
final class ClientErrors {
    private static final CallErrors.Service SERVICE = new CallErrors.Service(
            "kvferry.cluster.v1", "kvferry.controller.max-message-bytes there", "kvferry.cluster.controllers");

    private ClientErrors() {}

    static TransferException ended(Status status, @Nullable Metadata trailers, PeerAddress controller) {
        return new TransferException(
                CallErrors.ended(status, trailers, Stage.REGISTER, "controller " + controller, SERVICE));
    }

    static TransferException error(TransferErrorCode code, PeerAddress controller, String detail) {
        return new TransferException(CallErrors.error(code, Stage.REGISTER, "controller " + controller, detail));
    }
}
