package io.kvferry.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ReadOnlyBufferException;
import org.junit.jupiter.api.Test;

class OpaqueBytesTest {
    @Test
    void bytesAreCopiedOnTheWayOut() {
        Descriptor descriptor = new Descriptor(new byte[] {1, 2, 3});
        descriptor.toByteArray()[1] = 9;
        ByteBuffer out = ByteBuffer.allocate(4);
        descriptor.writeTo(out);

        assertThat(out.array()).containsExactly(1, 2, 3, 0);
        assertThat(descriptor.toByteArray()).containsExactly(1, 2, 3);
        assertThat(descriptor.size()).isEqualTo(3);
    }

    @Test
    void everyBufferReadsFromTheStartBigEndianAndCannotWrite() {
        Payload payload = new Payload(new byte[] {0, 0, 1, 2});

        assertThat(payload.buffer().order()).isEqualTo(ByteOrder.BIG_ENDIAN);
        assertThat(payload.buffer().getInt()).isEqualTo(258);
        assertThat(payload.buffer().remaining()).isEqualTo(4);
        assertThatThrownBy(() -> payload.buffer().put((byte) 1)).isInstanceOf(ReadOnlyBufferException.class);
    }

    @Test
    void equalBytesOfAnotherKindAreNotEqual() {
        byte[] bytes = {1, 2};

        assertThat(new Proposal(bytes))
                .isEqualTo(new Proposal(bytes))
                .hasSameHashCodeAs(new Proposal(bytes))
                .isNotEqualTo(new Proposal(new byte[] {1, 3}))
                .isNotEqualTo(new Descriptor(bytes));
        assertThat(Envelope.EMPTY.size()).isZero();
        assertThat(BackendEndpoint.EMPTY).isEqualTo(new BackendEndpoint(new byte[0]));
    }

    @Test
    void textNeverShowsTheBytes() {
        assertThat(new Descriptor(new byte[] {77, 77})).hasToString("Descriptor[2 bytes]");
    }
}
