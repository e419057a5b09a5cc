package io.kvferry.node;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.MemoryRegion;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Slots of a large pool lie where they should; untouched memory of a sparse file costs nothing. */
class BlockPoolTest {
    private static final int TOKENS = 256;
    private static final KvLayout LLAMA = new KvLayout(32, 8, 128, KvDataType.BF16, PageOrder.TOKENS_FIRST);
    private static final long SLOT = 32L << 20;
    private static final long SIZE = 9L << 30;

    @TempDir
    Path folder;

    @Test
    void slotsBeyondTwoFourAndEightGibibytesLieWhereTheyShould() throws IOException {
        Path file = Files.createFile(folder.resolve("pool"));
        try (Arena arena = Arena.ofShared();
                FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            MemorySegment memory = channel.map(FileChannel.MapMode.READ_WRITE, 0, SIZE, arena);
            BlockPool pool = new BlockPool(MemoryRegion.host(memory), LLAMA, TOKENS);
            assertThat(pool.slots()).isEqualTo((int) (SIZE / SLOT));
            assertThat(pool.chunkBytes()).isEqualTo(SLOT);

            // the last before and the first after each border, and the last of all
            int[] slots = {0, 63, 64, 127, 128, 255, 256, pool.slots() - 1};
            for (int slot : slots) {
                long at = slot * SLOT + 31 * (1L << 20);
                pool.layer(slot, 31).set(ValueLayout.JAVA_LONG, (1 << 20) - 8, slot + 1L);
                assertThat(memory.get(ValueLayout.JAVA_LONG, at + (1 << 20) - 8))
                        .isEqualTo(slot + 1L);
                assertThat(pool.chunk(slot).address()).isEqualTo(memory.address() + slot * SLOT);
            }
            for (int slot : slots) {
                assertThat(pool.layer(slot, 31).get(ValueLayout.JAVA_LONG, (1 << 20) - 8))
                        .isEqualTo(slot + 1L);
            }
            BlockList blocks = pool.blocks(slots);
            assertThat(blocks.size()).isEqualTo(32 * slots.length);
            for (int layer = 0; layer < 32; layer++) {
                for (int i = 0; i < slots.length; i++) {
                    int position = layer * slots.length + i;
                    assertThat(blocks.offset(position)).isEqualTo(slots[i] * SLOT + layer * (1L << 20));
                    assertThat(blocks.length(position)).isEqualTo(1 << 20);
                    assertThat(blocks.key(position)).isEqualTo(((long) layer << 32) | i);
                }
            }
        }
    }
}
