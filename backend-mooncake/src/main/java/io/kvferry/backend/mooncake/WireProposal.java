package io.kvferry.backend.mooncake;

import io.kvferry.spi.Proposal;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.ByteBuffer;
import java.security.SecureRandom;

/**
 * Who will use a lease. Later versions may append fields. All but {@link #PEER} can be asked for by this process alone: on
 * the way a secret of the process stands for them.
 */
enum WireProposal {
    /** The one peer that is told its place. */
    PEER(0),
    /** Anybody who finds it in our published segment. */
    PUBLISHED(1),
    /** The same, for reading and writing. */
    SHARED(2);

    private static final short VERSION = 1;
    private static final int BYTES = 2 + 16;
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final long SECRET_HIGH = RANDOM.nextLong();
    private static final long SECRET_LOW = RANDOM.nextLong();

    private final int number;

    WireProposal(int number) {
        this.number = number;
    }

    Proposal encode() {
        return new Proposal(ByteBuffer.allocate(BYTES)
                .putShort(VERSION)
                .putLong(this == PEER ? 0 : SECRET_HIGH)
                .putLong(this == PEER ? 0 : SECRET_LOW + number)
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
        long high = bytes.getLong() ^ SECRET_HIGH;
        long low = bytes.getLong();
        if ((high | (low ^ SECRET_LOW + PUBLISHED.number)) == 0) {
            return PUBLISHED;
        }
        return (high | (low ^ SECRET_LOW + SHARED.number)) == 0 ? SHARED : PEER;
    }
}
