package io.kvferry.backend.rdma.adapter.disni;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class DisniWireTest {
    private static final InetSocketAddress WHERE = new InetSocketAddress("10.77.0.1", 65_535);

    private static final byte[] KEY = DisniRemoteKey.encode(new DisniPieces(-6, new int[] {-5, 7}));

    /** What a peer may send, with what reads it. */
    private record Form(byte[] good, Consumer<byte[]> reader) {}

    private static final List<Form> FORMS = List.of(
            new Form(DisniAddress.encode(WHERE), DisniAddress::decode),
            new Form(new DisniHello(new DisniToken(-1, 2), -3, -4).encode(), DisniHello::decode),
            new Form(KEY, DisniRemoteKey::decode));

    @Test
    void whatIsEncodedIsDecoded() {
        assertThat(DisniAddress.decode(DisniAddress.encode(WHERE))).isEqualTo(WHERE);
        DisniHello hello = new DisniHello(new DisniToken(-1, 2), -3, -4);
        assertThat(DisniHello.decode(hello.encode())).isEqualTo(hello);
        DisniPieces pieces = DisniRemoteKey.decode(KEY).pieces();
        assertThat(pieces.base()).isEqualTo(-6);
        assertThat(pieces.keys()).containsExactly(-5, 7);
    }

    @Test
    void damagedCutOrMistakenBytesAreRefused() {
        for (Form form : FORMS) {
            for (int i = 0; i < form.good().length; i++) {
                assertRefused(form.reader(), Arrays.copyOf(form.good(), i));
                byte[] damaged = form.good().clone();
                damaged[i] ^= 0x40;
                assertRefused(form.reader(), damaged);
            }
            for (Form other : FORMS) {
                if (other != form) {
                    assertRefused(form.reader(), other.good());
                }
            }
        }
    }

    private static void assertRefused(Consumer<byte[]> reader, byte[] bytes) {
        assertThat(catchThrowableOfType(TransferException.class, () -> reader.accept(bytes))
                        .code())
                .isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
    }

    @Test
    void secretsAreNotPrinted() {
        assertThat(new DisniToken(1234567, 7654321).toString()).doesNotContain("1234567");
        assertThat(new DisniHello(new DisniToken(1, 2), 3, 987654).toString()).doesNotContain("987654");
        assertThat(DisniRemoteKey.decode(KEY).toString()).doesNotContain("-5");
    }

    @Test
    void theLargestKeyFitsIntoAGrant() {
        byte[] largest = DisniRemoteKey.encode(new DisniPieces(0, new int[DisniRemoteKey.MAX_PIECES]));
        assertThat(largest.length).isLessThanOrEqualTo(RdmaConnection.MAX_KEY_BYTES);
        assertThat(DisniRemoteKey.decode(largest).pieces().keys()).hasSize(DisniRemoteKey.MAX_PIECES);
        assertRefused(
                DisniRemoteKey::decode,
                DisniRemoteKey.encode(new DisniPieces(0, new int[DisniRemoteKey.MAX_PIECES + 1])));
        assertRefused(DisniRemoteKey::decode, DisniRemoteKey.encode(new DisniPieces(0, new int[0])));
    }

    @Test
    void anAddressOutsideFindsSomeKeyAndNoEnd() {
        DisniPieces pieces = new DisniPieces(1000, new int[] {1, 2});
        for (long address : new long[] {0, 999, 1000 + 2 * DisniPieces.BYTES, Long.MAX_VALUE, Long.MIN_VALUE, -1}) {
            assertThat(pieces.keyAt(address)).isIn(1, 2);
            assertThat(pieces.within(address, 50)).isBetween(1L, 50L);
        }
    }
}
