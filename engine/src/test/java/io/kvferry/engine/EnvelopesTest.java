package io.kvferry.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvferry.spi.Envelope;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.WireId;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class EnvelopesTest {
    private static final WireId WIRE = new WireId("test-wire", 3);
    private static final Envelopes.Address ADDRESS =
            new Envelopes.Address(Envelopes.Kind.PROPOSAL, WIRE, new TransferId(1, 2), 4, 5, 6);
    private static final byte[] CONTENT = {1, 2, 3, 4, 5};

    private static void assertRefused(Envelopes.Address expected, byte[] bytes) {
        assertThatThrownBy(() -> Envelopes.open(expected, new Envelope(bytes)))
                .isInstanceOfSatisfying(
                        TransferException.class, e -> assertThat(e.code()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR));
    }

    private static byte[] sealed() {
        return Envelopes.seal(ADDRESS, new Proposal(CONTENT)).toByteArray();
    }

    @Test
    void whatWasSealedComesOutTheSame() {
        assertThat(Envelopes.open(ADDRESS, new Envelope(sealed()))).isEqualTo(CONTENT);
        assertThat(Envelopes.open(ADDRESS, Envelopes.seal(ADDRESS, Proposal.EMPTY)))
                .isEmpty();
    }

    @Test
    void everyDamagedBitIsRefused() {
        for (int bit = 0; bit < sealed().length * 8; bit++) {
            byte[] damaged = sealed();
            damaged[bit / 8] ^= (byte) (1 << (bit % 8));
            assertRefused(ADDRESS, damaged);
        }
    }

    @Test
    void everyTruncationAndAnyTrailingByteIsRefused() {
        for (int length = 0; length < sealed().length; length++) {
            assertRefused(ADDRESS, Arrays.copyOf(sealed(), length));
        }
        assertRefused(ADDRESS, Arrays.copyOf(sealed(), sealed().length + 1));
    }

    @Test
    void garbageIsRefused() {
        Random random = new Random(42);
        for (int i = 0; i < 1_000; i++) {
            byte[] garbage = new byte[random.nextInt(200)];
            random.nextBytes(garbage);
            assertRefused(ADDRESS, garbage);
        }
    }

    @Test
    void anEnvelopeForSomethingElseIsRefused() {
        TransferId id = ADDRESS.id();
        assertRefused(new Envelopes.Address(Envelopes.Kind.DESCRIPTOR, WIRE, id, 4, 5, 6), sealed());
        assertRefused(
                new Envelopes.Address(Envelopes.Kind.PROPOSAL, new WireId("test-wire", 4), id, 4, 5, 6), sealed());
        assertRefused(
                new Envelopes.Address(Envelopes.Kind.PROPOSAL, new WireId("other-wire", 3), id, 4, 5, 6), sealed());
        assertRefused(new Envelopes.Address(Envelopes.Kind.PROPOSAL, WIRE, new TransferId(1, 3), 4, 5, 6), sealed());
        assertRefused(new Envelopes.Address(Envelopes.Kind.PROPOSAL, WIRE, id, 5, 5, 6), sealed());
        assertRefused(new Envelopes.Address(Envelopes.Kind.PROPOSAL, WIRE, id, 4, 6, 6), sealed());
        assertRefused(new Envelopes.Address(Envelopes.Kind.PROPOSAL, WIRE, id, 4, 5, 7), sealed());
    }
}
