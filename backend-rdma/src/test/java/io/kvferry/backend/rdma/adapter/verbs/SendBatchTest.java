package io.kvferry.backend.rdma.adapter.verbs;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

@SuppressWarnings("restricted")
class SendBatchTest {
    private final Arena arena = Arena.ofConfined();
    private final SendBatch batch = new SendBatch(arena, 3, 2);

    @AfterEach
    void free() {
        arena.close();
    }

    private MemorySegment request(int index) {
        return batch.first().asSlice(index * Abi.SEND_WR_BYTES, Abi.SEND_WR_BYTES);
    }

    private static MemorySegment slice(MemorySegment request, int index) {
        return MemorySegment.ofAddress(request.get(JAVA_LONG, Abi.WR_SGES))
                .reinterpret(2 * Abi.SGE_BYTES)
                .asSlice(index * Abi.SGE_BYTES, Abi.SGE_BYTES);
    }

    @Test
    void requestsFormAChainWithTheirSlices() {
        for (int i = 0; i < 3; i++) {
            assertThat(batch.isFull()).isFalse();
            batch.begin(70 + i, Abi.OPCODE_READ, 0, 0x1000 + i, 500 + i);
            assertThat(batch.addSlice(0x2000 + i, 10 + i, 600 + i)).isTrue();
            assertThat(batch.addSlice(0x3000 + i, 20 + i, 700 + i)).isTrue();
            assertThat(batch.addSlice(0x4000, 1, 1)).as("a third slice of two").isFalse();
        }
        assertThat(batch.isFull()).isTrue();
        batch.signalLast();
        for (int i = 0; i < 3; i++) {
            MemorySegment request = request(i);
            assertThat(request.get(JAVA_LONG, Abi.WR_ID)).isEqualTo(70 + i);
            assertThat(request.get(JAVA_LONG, Abi.WR_NEXT))
                    .isEqualTo(i < 2 ? request(i + 1).address() : 0);
            assertThat(request.get(JAVA_INT, Abi.WR_OPCODE)).isEqualTo(Abi.OPCODE_READ);
            assertThat(request.get(JAVA_INT, Abi.WR_FLAGS)).isEqualTo(i < 2 ? 0 : Abi.FLAG_SIGNALED);
            assertThat(request.get(JAVA_LONG, Abi.WR_REMOTE_ADDRESS)).isEqualTo(0x1000 + i);
            assertThat(request.get(JAVA_INT, Abi.WR_REMOTE_KEY)).isEqualTo(500 + i);
            assertThat(request.get(JAVA_INT, Abi.WR_SGE_COUNT)).isEqualTo(2);
            assertThat(slice(request, 0).get(JAVA_LONG, Abi.SGE_ADDRESS)).isEqualTo(0x2000 + i);
            assertThat(slice(request, 1).get(JAVA_INT, Abi.SGE_LENGTH)).isEqualTo(20 + i);
            assertThat(slice(request, 1).get(JAVA_INT, Abi.SGE_LKEY)).isEqualTo(700 + i);
        }
    }

    @Test
    void aShorterChainAfterALongerOneEndsWhereItEnds() {
        for (int i = 0; i < 3; i++) {
            batch.begin(i, Abi.OPCODE_WRITE, 0, 1, 1);
            batch.addSlice(1, 1, 1);
        }
        batch.signalLast();
        batch.clear();
        batch.begin(9, Abi.OPCODE_WRITE, 0, 1, 1);
        batch.addSlice(5, 6, 7);
        batch.signalLast();
        assertThat(batch.size()).isEqualTo(1);
        assertThat(request(0).get(JAVA_LONG, Abi.WR_NEXT)).isZero();
        assertThat(request(0).get(JAVA_INT, Abi.WR_SGE_COUNT)).isEqualTo(1);
        assertThat(request(0).get(JAVA_INT, Abi.WR_FLAGS)).isEqualTo(Abi.FLAG_SIGNALED);
    }

    @Test
    void theRequestThatWasNotTakenIsFound() {
        batch.begin(1, Abi.OPCODE_WRITE, 0, 1, 1);
        batch.begin(2, Abi.OPCODE_WRITE, 0, 1, 1);
        batch.bad().set(ADDRESS, 0, request(1));
        assertThat(batch.firstBad()).isEqualTo(1);
    }

    @Test
    void aLongerSliceIsOneSlice() {
        batch.begin(1, Abi.OPCODE_WRITE, 0, 1, 1);
        batch.addSlice(100, 5, 1);
        batch.extendSlice(7);
        assertThat(request(0).get(JAVA_INT, Abi.WR_SGE_COUNT)).isEqualTo(1);
        assertThat(slice(request(0), 0).get(JAVA_INT, Abi.SGE_LENGTH)).isEqualTo(12);
    }
}
