package io.kvferry.backend.rdma.verbs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class QueuePairAddressTest {
    private static final byte[] GID = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

    private static TransferErrorCode refusal(byte[] bytes) {
        return catchThrowableOfType(TransferException.class, () -> QueuePairAddress.decode(bytes))
                .code();
    }

    @Test
    void whatIsEncodedIsDecoded() {
        QueuePairAddress address = QueuePairAddress.decode(
                new QueuePairAddress(0xFFFFFF, 0xABCDEF, 5, 0xFFFE, GID).encode());
        assertThat(address.number()).isEqualTo(0xFFFFFF);
        assertThat(address.firstPacket()).isEqualTo(0xABCDEF);
        assertThat(address.packetBytes()).isEqualTo(5);
        assertThat(address.lid()).isEqualTo(0xFFFE);
        assertThat(address.gid()).isEqualTo(GID);
    }

    @Test
    void fieldsOfALaterRevisionAreTolerated() {
        byte[] bytes = new QueuePairAddress(7, 8, 3, 0, GID).encode();
        assertThat(QueuePairAddress.decode(Arrays.copyOf(bytes, bytes.length + 9)).number())
                .isEqualTo(7);
    }

    @Test
    void truncatedOrImpossibleAddressesAreRefused() {
        byte[] good = new QueuePairAddress(7, 8, 3, 0, GID).encode();
        for (int length = 0; length < good.length; length++) {
            assertThat(refusal(Arrays.copyOf(good, length))).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
        }
        byte[] anotherVersion = good.clone();
        anotherVersion[0] = 2;
        assertThat(refusal(anotherVersion)).isEqualTo(TransferErrorCode.INCOMPATIBLE_PEER);
        byte[] tooLargePackets = good.clone();
        tooLargePackets[1] = 6;
        assertThat(refusal(tooLargePackets)).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
        byte[] tooLargeNumber = good.clone();
        tooLargeNumber[4] = 1;
        assertThat(refusal(tooLargeNumber)).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
    }

    @Test
    void noiseIsRefusedOrIsAnAddressButNothingElse() {
        Random random = new Random(42);
        byte[] noise = new byte[QueuePairAddress.BYTES];
        for (int i = 0; i < 10_000; i++) {
            random.nextBytes(noise);
            try {
                assertThat(QueuePairAddress.decode(noise).number()).isBetween(0, 0xFFFFFF);
            } catch (TransferException e) {
                assertThat(e.code())
                        .isIn(TransferErrorCode.PROTOCOL_ERROR, TransferErrorCode.INCOMPATIBLE_PEER);
            }
        }
    }
}
