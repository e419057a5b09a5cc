package io.kvferry.backend.mooncake;

import io.kvferry.spi.Proposal;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.ByteBuffer;
import java.security.SecureRandom;

/**
 * Who will use a lease. Later versions may append fields. Immutable.
 *
 * @param published true for anybody who finds the lease in our published segment; else the one peer that is told its place.
 *     Only this process can ask for it: on the way a secret of the process stands for it
 */
record WireProposal(boolean published) {
    private static final short VERSION = 1;
    private static final int BYTES = 2 + 16;
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final long SECRET_HIGH = RANDOM.nextLong() | 1;
    private static final long SECRET_LOW = RANDOM.nextLong();

    Proposal encode() {
        return new Proposal(ByteBuffer.allocate(BYTES)
                .putShort(VERSION)
                .putLong(published ? SECRET_HIGH : 0)
                .putLong(published ? SECRET_LOW : 0)
                .array());
    }

    static WireProposal decode(Proposal proposal) {
        ByteBuffer bytes = proposal.buffer();
        if (bytes.remaining() < BYTES || bytes.getShort() < VERSION) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR,
                    Stage.PREPARE,
                    "not a proposal of the mooncake backend: " + proposal + "; the peer has to run the same version");
        }
        return new WireProposal(((bytes.getLong() ^ SECRET_HIGH) | (bytes.getLong() ^ SECRET_LOW)) == 0);
    }
}
