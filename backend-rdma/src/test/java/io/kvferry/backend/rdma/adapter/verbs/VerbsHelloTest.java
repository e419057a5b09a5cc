package io.kvferry.backend.rdma.adapter.verbs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class VerbsHelloTest {
    private static final byte[] GID = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

    private static TransferErrorCode refusal(byte[] bytes) {
        return catchThrowableOfType(TransferException.class, () -> VerbsHello.decode(bytes))
                .code();
    }

    @Test
    void whatIsEncodedIsDecoded() {
        VerbsHello hello = VerbsHello.decode(new VerbsHello(0xFFFFFF, 0xABCDEF, 5, 0xFFFE, GID, -3L, -4).encode());
        assertThat(hello.number()).isEqualTo(0xFFFFFF);
        assertThat(hello.firstPacket()).isEqualTo(0xABCDEF);
        assertThat(hello.packetBytes()).isEqualTo(5);
        assertThat(hello.lid()).isEqualTo(0xFFFE);
        assertThat(hello.gid()).isEqualTo(GID);
        assertThat(hello.flushAddress()).isEqualTo(-3);
        assertThat(hello.flushKey()).isEqualTo(-4);
    }

    @Test
    void fieldsOfALaterRevisionAreTolerated() {
        byte[] bytes = new VerbsHello(7, 8, 3, 0, GID, 9, 10).encode();
        assertThat(VerbsHello.decode(Arrays.copyOf(bytes, bytes.length + 9)).number())
                .isEqualTo(7);
    }

    @Test
    void truncatedOrImpossibleHellosAreRefused() {
        byte[] good = new VerbsHello(7, 8, 3, 0, GID, 9, 10).encode();
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
    void noiseIsRefusedOrIsAHelloButNothingElse() {
        Random random = new Random(42);
        byte[] noise = new byte[VerbsHello.BYTES];
        for (int i = 0; i < 10_000; i++) {
            random.nextBytes(noise);
            try {
                assertThat(VerbsHello.decode(noise).number()).isBetween(0, 0xFFFFFF);
            } catch (TransferException e) {
                assertThat(e.code()).isIn(TransferErrorCode.PROTOCOL_ERROR, TransferErrorCode.INCOMPATIBLE_PEER);
            }
        }
    }
}
