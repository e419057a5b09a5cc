package io.kvferry.backend.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FrameHeaderTest {
    private static final long SEED = 20260101;

    private final ByteBuffer bytes = ByteBuffer.allocateDirect(FrameHeader.BYTES);

    @Test
    void everyFieldSurvivesARoundTrip() {
        Random random = new Random(SEED);
        for (int i = 0; i < 1000; i++) {
            FrameHeader sent = random(random);
            sent.encode(bytes);
            FrameHeader got = new FrameHeader();
            assertThat(got.decode(bytes)).isNull();
            assertThat(got).usingRecursiveComparison().ignoringFields("crc").isEqualTo(sent);
        }
    }

    @Test
    void anyFlippedBitIsNoticed() {
        random(new Random(SEED)).encode(bytes);
        for (int bit = 0; bit < FrameHeader.BYTES * 8; bit++) {
            byte original = bytes.get(bit / 8);
            bytes.put(bit / 8, (byte) (original ^ 1 << bit % 8));
            assertThat(new FrameHeader().decode(bytes)).as("bit %s", bit).isNotNull();
            bytes.put(bit / 8, original);
        }
        assertThat(new FrameHeader().decode(bytes)).isNull();
    }

    @Test
    void garbageIsNoFrame() {
        Random random = new Random(SEED);
        byte[] garbage = new byte[FrameHeader.BYTES];
        for (int i = 0; i < 10_000; i++) {
            random.nextBytes(garbage);
            bytes.put(0, garbage);
            assertThat(new FrameHeader().decode(bytes)).isNotNull();
        }
    }

    @Test
    void aLengthOverTheLimitIsRefused() {
        FrameHeader header = new FrameHeader().reset(FrameType.DATA, 1);
        header.length = FrameHeader.MAX_PAYLOAD_BYTES + 1;
        header.encode(bytes);
        assertThat(new FrameHeader().decode(bytes)).contains("length=16777217 > 16777216");
        header.length = -1;
        header.encode(bytes);
        assertThat(new FrameHeader().decode(bytes)).contains("length=4294967295 > 16777216");
        header.reset(FrameType.ACK, 1).length = FrameHeader.MAX_DETAIL_BYTES + 1;
        header.encode(bytes);
        assertThat(new FrameHeader().decode(bytes)).contains("> " + FrameHeader.MAX_DETAIL_BYTES);
    }

    private static FrameHeader random(Random random) {
        FrameHeader header = new FrameHeader();
        FrameType[] types = FrameType.values();
        header.reset(types[random.nextInt(types.length)], random.nextLong());
        header.flags = random.nextInt(256);
        header.length = random.nextInt(FrameHeader.MAX_DETAIL_BYTES + 1);
        header.slot = random.nextLong();
        header.keyHigh = random.nextLong();
        header.keyLow = random.nextLong();
        header.epoch = random.nextLong();
        header.block = random.nextInt();
        header.count = random.nextInt();
        header.offset = random.nextLong();
        header.payloadCrc = random.nextInt();
        return header;
    }
}
