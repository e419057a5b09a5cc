package io.kvferry.spi;

import static io.kvferry.spi.Refusals.assertRefused;
import static io.kvferry.spi.TransferErrorCode.INVALID_REQUEST;
import static io.kvferry.spi.TransferErrorCode.UNSUPPORTED;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MemoryRegionTest {
    @Test
    void hostMemoryIsDescribedByItsSegment() {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment segment = arena.allocate(100);
            MemoryRegion region = MemoryRegion.host(segment);

            assertThat(region.kind()).isEqualTo(MemoryKind.HOST);
            assertThat(region.device()).isEqualTo(-1);
            assertThat(region.address()).isEqualTo(segment.address());
            assertThat(region.sizeBytes()).isEqualTo(100);
            assertThat(region.segment()).isSameAs(segment);
            assertThat(region).isEqualTo(MemoryRegion.host(segment)).hasSameHashCodeAs(MemoryRegion.host(segment));
            assertThat(region).isNotEqualTo(MemoryRegion.host(segment.asSlice(0, 99)));
            assertThat(region).isNotEqualTo(MemoryRegion.host(segment.asSlice(1)));
        }
    }

    @Test
    void globalAndAutomaticMemoryIsTaken() {
        assertThat(MemoryRegion.host(Arena.ofAuto().allocate(8)).sizeBytes()).isEqualTo(8);
        assertThat(MemoryRegion.host(Arena.global().allocate(8)).sizeBytes()).isEqualTo(8);
    }

    @Test
    void heapSegmentsAreRefused() {
        assertRefused(INVALID_REQUEST, () -> MemoryRegion.host(MemorySegment.ofArray(new byte[8])));
    }

    @Test
    void emptySegmentsAreRefused() {
        assertRefused(INVALID_REQUEST, () -> MemoryRegion.host(MemorySegment.NULL));
    }

    @Test
    void readOnlySegmentsAreRefused() {
        assertRefused(
                INVALID_REQUEST,
                () -> MemoryRegion.host(Arena.ofAuto().allocate(8).asReadOnly()));
    }

    @Test
    void segmentsConfinedToAThreadAreRefused() {
        try (Arena arena = Arena.ofConfined()) {
            assertRefused(INVALID_REQUEST, () -> MemoryRegion.host(arena.allocate(8)));
        }
    }

    @Test
    void deviceMemoryHasNoSegment() {
        MemoryRegion region = MemoryRegion.cuda(3, -16, 1L << 40);

        assertThat(region.kind()).isEqualTo(MemoryKind.CUDA);
        assertThat(region.device()).isEqualTo(3);
        assertThat(region.sizeBytes()).isEqualTo(1L << 40);
        assertThat(region).hasToString("CUDA:3[0xfffffffffffffff0 +1099511627776]");
        assertRefused(UNSUPPORTED, region::segment);
    }

    @ParameterizedTest
    @CsvSource({"-1,4096,1", "0,0,1", "0,4096,0", "0,4096,-1"})
    void deviceMemoryThatCannotBeIsRefused(int device, long address, long size) {
        assertRefused(INVALID_REQUEST, () -> MemoryRegion.cuda(device, address, size));
    }

    @Test
    void regionsDifferInKindDeviceAddressOrSize() {
        MemoryRegion region = MemoryRegion.cuda(0, 4096, 8);

        assertThat(region)
                .isEqualTo(MemoryRegion.cuda(0, 4096, 8))
                .isNotEqualTo(MemoryRegion.cuda(1, 4096, 8))
                .isNotEqualTo(MemoryRegion.cuda(0, 4097, 8))
                .isNotEqualTo(MemoryRegion.cuda(0, 4096, 9));
    }
}
