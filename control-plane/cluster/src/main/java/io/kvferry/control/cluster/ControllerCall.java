package io.kvferry.control.cluster;

import io.grpc.Metadata;
import io.grpc.Status;
import io.kvferry.control.grpc.UnaryRequest;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;

/** One call to a controller: knows what its end means. */
record ControllerCall(PeerAddress controller) implements UnaryRequest.Owner {
    @Override
    public TransferException failure(Status status, Metadata trailers) {
        return ClientErrors.ended(status, trailers, controller);
    }

    @Override
    public TransferException failure(TransferErrorCode code, String detail) {
        return ClientErrors.error(code, controller, detail);
    }
}
