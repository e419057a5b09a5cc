package io.kvferry.control.peer;

import io.grpc.Metadata;
import io.grpc.Status;
import io.kvferry.control.grpc.CallErrors;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;

/** What a failed call to a peer means. */
final class PeerErrors {
    private static final CallErrors.Service SERVICE = new CallErrors.Service(
            "kvferry.peer.v1",
            "kvferry.peer.max-message-bytes on both sides",
            "the peer's address and its kvferry.peer.port");

    private PeerErrors() {}

    static TransferError ended(Status status, Metadata trailers, Stage stage, PeerAddress peer) {
        return CallErrors.ended(status, trailers, stage, peer.toString(), SERVICE);
    }

    /** An error of this side, the initiator. */
    static TransferError error(TransferErrorCode code, Stage stage, PeerAddress peer, String detail) {
        return CallErrors.error(code, stage, peer.toString(), detail);
    }
}
