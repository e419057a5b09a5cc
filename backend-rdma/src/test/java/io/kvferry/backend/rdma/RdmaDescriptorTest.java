package io.kvferry.backend.rdma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.kvferry.spi.BlockKeys;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.LeaseKey;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RdmaDescriptorTest {
    private static final int BLOCK = 64;
    private static final int BLOCKS = 40;

    private final Random random = new Random(5);
    private final MemoryRegion one = MemoryRegion.host(Arena.ofAuto().allocate(BLOCK * BLOCKS));
    private final MemoryRegion other = MemoryRegion.host(Arena.ofAuto().allocate(BLOCK * BLOCKS));
    private final BlockList blocks = scattered();

    private BlockList scattered() {
        BlockList.Builder builder = BlockList.builder(BLOCKS);
        for (int i = 0; i < BLOCKS; i++) {
            builder.add(i, random.nextBoolean() ? one : other, (long) BLOCK * ((i * 7) % BLOCKS), BLOCK);
        }
        return builder.build();
    }

    private RdmaDescriptor descriptor(long shift) {
        long[] addresses = new long[BLOCKS];
        int[] windowOf = new int[BLOCKS];
        for (int i = 0; i < BLOCKS; i++) {
            windowOf[i] = blocks.regionIndex(i);
            addresses[i] = blocks.region(i).address() + blocks.offset(i) + (i == 17 ? shift : 0);
        }
        List<RdmaDescriptor.Window> windows = blocks.regions().stream()
                .map(region -> new RdmaDescriptor.Window(new byte[] {1, 2, 3}, region.address(), region.sizeBytes()))
                .toList();
        return new RdmaDescriptor(
                7, 8, new byte[] {9}, 10, new LeaseKey(11, 12, 13), Operation.READ, windows, addresses, windowOf);
    }

    @Test
    void readsWhatItWrote() {
        RdmaDescriptor written = descriptor(0);
        RdmaDescriptor read = RdmaDescriptor.decode(written.encode(blocks), blocks.blockKeys());
        assertThat(read.instance()).isEqualTo(7);
        assertThat(read.connection()).isEqualTo(8);
        assertThat(read.hello()).containsExactly(9);
        assertThat(read.slot()).isEqualTo(10);
        assertThat(read.key()).isEqualTo(written.key());
        assertThat(read.operation()).isEqualTo(Operation.READ);
        assertThat(read.addresses()).isEqualTo(written.addresses());
        assertThat(read.windowOf()).isEqualTo(written.windowOf());
        assertThat(read.toString()).doesNotContain("11").contains("****");
    }

    @Test
    void aBlockOutsideItsWindowIsDenied() {
        for (long shift : new long[] {-BLOCK * BLOCKS, BLOCK * BLOCKS, 1L << 62, -1L << 62}) {
            Descriptor hostile = descriptor(shift).encode(blocks);
            assertThatExceptionOfType(TransferException.class)
                    .isThrownBy(() -> RdmaDescriptor.decode(hostile, blocks.blockKeys()))
                    .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.ACCESS_DENIED));
        }
    }

    @Test
    void anotherNumberOfBlocksIsAMismatch() {
        BlockKeys fewer = BlockKeys.of(new long[] {1}, new long[] {BLOCK});
        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(() -> RdmaDescriptor.decode(descriptor(0).encode(blocks), fewer))
                .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.BUFFER_MISMATCH));
    }

    @Test
    void everyDamagedByteIsRefused() {
        byte[] good = descriptor(0).encode(blocks).toByteArray();
        for (int i = 0; i < good.length; i++) {
            byte[] bad = good.clone();
            bad[i] ^= (byte) (1 << random.nextInt(8));
            assertThatExceptionOfType(TransferException.class)
                    .isThrownBy(() -> RdmaDescriptor.decode(new Descriptor(bad), blocks.blockKeys()))
                    .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR));
        }
    }
}
