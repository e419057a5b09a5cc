package io.kvferry.backend.tcp;

import io.kvferry.spi.Proposal;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.ByteBuffer;

/** Which instance will use the lease. Later versions may append fields. Immutable. */
record TcpProposal(long instance) {
    private static final short VERSION = 1;
    private static final int BYTES = 2 + 8;

    Proposal encode() {
        return new Proposal(
                ByteBuffer.allocate(BYTES).putShort(VERSION).putLong(instance).array());
    }

    static TcpProposal decode(Proposal proposal) {
        ByteBuffer bytes = proposal.buffer();
        if (bytes.remaining() < BYTES || bytes.getShort() < VERSION) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR,
                    Stage.PREPARE,
                    "not a proposal of the tcp backend: " + proposal + "; the peer has to run the same version");
        }
        return new TcpProposal(bytes.getLong());
    }
}
