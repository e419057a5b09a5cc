package io.kvferry.backend.mooncake;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.netty.HostMemory;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Side;
import io.kvferry.spi.TransferId;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class WindowTest {
    private final MemoryRegion region = MemoryRegion.host(Arena.ofAuto().allocate(1000));
    private final Ending ending = new Ending(10);
    private final AddressSpace space = new AddressSpace();
    private final Window window = open();

    private Window open() {
        BlockList blocks = BlockList.uniform(region, 0, 0, 100, 10);
        BlockTally tally = new BlockTally(Side.TARGET, blocks, ending, () -> {});
        WireTransfer transfer = new WireTransfer(
                TransferId.random(),
                1,
                Operation.WRITE,
                new PeerIdentity("a", 1),
                blocks,
                List.of(HostMemory.register(this, "mooncake", region)),
                List.of(),
                tally);
        return space.open(transfer, Set.of(Operation.WRITE), true);
    }

    private Window find(long offset, long size, Operation operation) {
        return space.find(new RequestHeader(size, window.base() + offset, operation, true));
    }

    @Test
    void aRequestFindsItsWindowFromTheFirstByteToTheLast() {
        assertThat(find(0, 1000, Operation.WRITE)).isSameAs(window);
        assertThat(find(999, 1, Operation.WRITE)).isSameAs(window);
        assertThat(find(999, 2, Operation.WRITE)).isNull();
        assertThat(find(-1, 1, Operation.WRITE)).isNull();
        assertThat(find(0, Long.MIN_VALUE, Operation.WRITE)).isNull();
        assertThat(find(0, 1, Operation.READ)).isNull();
        space.close(window);
        assertThat(find(0, 1, Operation.WRITE)).isNull();
    }

    @Test
    void blocksAreAppliedWhenTheirLastByteLandsWhateverTheOrder() {
        assertThat(window.claim(250, 500)).isTrue();
        window.landed(250, 500);
        assertThat(window.transfer().tally().status().blocksDone()).isEqualTo(4);
        assertThat(window.claim(750, 250)).isTrue();
        window.landed(750, 250);
        assertThat(window.transfer().tally().status().blocksDone()).isEqualTo(7);
        assertThat(window.claim(0, 250)).isTrue();
        window.landed(0, 250);
        assertThat(ending.isComplete()).isTrue();
        assertThat(window.transfer().tally().status().bytesDone()).isEqualTo(1000);
    }

    @Test
    void noByteIsTakenTwice() {
        assertThat(window.claim(0, 150)).isTrue();
        assertThat(window.claim(100, 100)).isFalse();
    }

    @Test
    void windowsNeverOverlapAndAreNeverWhereTheyWere() {
        for (int i = 0; i < 1000; i++) {
            Window other = open();
            assertThat(Math.abs(other.base() - window.base())).isGreaterThanOrEqualTo(1000);
        }
    }
}
