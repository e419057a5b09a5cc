package io.kvferry.engine;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.Capability;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;

/** How far a target believes its initiator: what a FINISH may decide, and what COMPLETED is held against. */
final class TargetVerdict {
    private TargetVerdict() {}

    /**
     * The outcome that an initiator tells.
     *
     * @param epoch of the attempt: what its initiator alone can know; without it an attempt can be given up, never completed
     * @param blocks what was prepared
     * @throws TransferException PROTOCOL_ERROR where the message is not of this attempt, or not about all of its blocks
     */
    static Ending told(PeerRequest.Finish finish, long epoch, BlockList blocks) {
        boolean completed = finish.outcome() == TransferState.COMPLETED;
        if (finish.epoch() != epoch && (completed || finish.epoch() != 0)) {
            throw protocolError(finish, "FINISH " + finish.outcome() + " of another epoch");
        }
        if (completed && (finish.blocks() != blocks.size() || finish.bytes() != blocks.totalBytes())) {
            throw protocolError(
                    finish,
                    "FINISH COMPLETED of " + finish.blocks() + " blocks and " + finish.bytes()
                            + " bytes, prepared were " + blocks.size() + " and " + blocks.totalBytes());
        }
        return switch (finish.outcome()) {
            case COMPLETED -> Ending.COMPLETED;
            case CANCELLED -> ended(finish, TransferErrorCode.CANCELLED);
            case TIMED_OUT -> ended(finish, TransferErrorCode.DEADLINE_EXCEEDED);
            case FAILED -> ended(finish, TransferErrorCode.TRANSFER_FAILED);
            default -> throw protocolError(finish, "FINISH with outcome " + finish.outcome());
        };
    }

    private static Ending ended(PeerRequest.Finish finish, TransferErrorCode code) {
        return Ending.of(TransferError.of(
                        code,
                        Stage.FINISH,
                        "the initiator ended " + finish.outcome() + " after " + finish.bytes() + " bytes")
                .at(Side.TARGET, finish.self().toString()));
    }

    private static TransferException protocolError(PeerRequest.Finish finish, String detail) {
        return new TransferException(
                TransferErrorCode.PROTOCOL_ERROR,
                Stage.FINISH,
                "attempt " + finish.attempt() + " of " + finish.self() + " on lease " + finish.id() + ": " + detail);
    }

    /**
     * What COMPLETED becomes once this side has stopped.
     *
     * @param seen what this side's backend knows to have arrived
     */
    static Ending verified(Admission admission, TransferStatus seen) {
        PeerRequest.Prepare request = admission.request();
        int blocks = admission.match().blocks().size();
        if (admission.hold().isQuarantined()) {
            TransferError unproved = TransferError.of(
                            TransferErrorCode.NOT_QUIESCENT,
                            Stage.FINISH,
                            "the initiator says completed, but this side could not prove that nothing more arrives")
                    .withMemorySafe(false);
            return Ending.of(unproved.at(Side.TARGET, request.self().toString()));
        }
        if (request.operation() == Operation.WRITE
                && admission.backend().info().can(Capability.TARGET_PROGRESS)
                && seen.blocksDone() != blocks) {
            TransferError missing = TransferError.of(
                    TransferErrorCode.TRANSFER_FAILED,
                    Stage.FINISH,
                    "the initiator says completed, but " + seen.blocksDone() + " of " + blocks
                            + " blocks have arrived");
            return Ending.of(missing.at(Side.TARGET, request.self().toString()));
        }
        return Ending.COMPLETED;
    }
}
