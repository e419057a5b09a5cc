package io.kvferry.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.MemoryKind;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferObserver;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A WRITE whose target copies out: which of the target's end and the backend's verdict says why it failed. */
class StagedInitiatorTest {
    private static final int BLOCKS = 4;
    private static final BlockRange ALL = new BlockRange(0, BLOCKS);

    private final List<TransferErrorCode> failures = new ArrayList<>();
    private final List<BlockRange> applied = new ArrayList<>();
    private final Backend backend = new Backend();
    private final StagedInitiator transfer = write();

    @Test
    void backendThatHasBlocksInHandSaysWhyTheyDidNotArrive() {
        transfer.submit(ALL);
        transfer.ended(null);
        assertThat(failures).isEmpty();

        transfer.failed(TransferError.of(TransferErrorCode.DATA_CORRUPTED, Stage.TRANSFER, "changed on their way"));

        assertThat(failures).containsExactly(TransferErrorCode.DATA_CORRUPTED);
    }

    @Test
    void targetThatEndsAfterTheBackendHasMovedAllFailsWhatWasNotCopied() {
        transfer.submit(ALL);
        transfer.applied(ALL);
        transfer.named(new BlockRange(0, 1));
        transfer.ended(null);

        assertThat(applied).containsExactly(new BlockRange(0, 1));
        assertThat(failures).containsExactly(TransferErrorCode.LEASE_ENDED);
    }

    @Test
    void targetThatEndsBeforeTheBackendHasMovedAllFailsItOnceThatIsDone() {
        transfer.submit(ALL);
        transfer.applied(new BlockRange(0, 1));
        transfer.ended(null);
        assertThat(failures).isEmpty();

        transfer.applied(new BlockRange(1, 3));

        assertThat(failures).containsExactly(TransferErrorCode.LEASE_ENDED);
    }

    @Test
    void targetThatEndsBeforeAnythingIsSubmittedFailsAtOnce() {
        transfer.ended(null);
        assertThat(failures).containsExactly(TransferErrorCode.LEASE_ENDED);
    }

    @Test
    void blocksTheBackendDidNotTakeAreNotWaitedFor() {
        backend.refuses = true;
        assertThatThrownBy(() -> transfer.submit(ALL)).isInstanceOf(TransferException.class);
        transfer.ended(null);
        assertThat(failures).containsExactly(TransferErrorCode.LEASE_ENDED);
    }

    @Test
    void channelThatBreaksFailsAtOnce() {
        transfer.submit(ALL);
        transfer.ended(TransferError.of(TransferErrorCode.CONTROL_FAILED, Stage.TRANSFER, "cut"));
        assertThat(failures).containsExactly(TransferErrorCode.CONTROL_FAILED);
    }

    @Test
    void targetThatEndsWhenAllIsCopiedFailsNothing() {
        transfer.submit(ALL);
        transfer.named(ALL);
        transfer.ended(null);
        transfer.applied(ALL);
        assertThat(applied).containsExactly(ALL);
        assertThat(failures).isEmpty();
    }

    @SuppressWarnings("NullAway") // memory that the backend moves as it is takes nothing from a pool
    private StagedInitiator write() {
        MemoryRegion region = MemoryRegion.host(Arena.ofAuto().allocate(BLOCKS));
        StagedBlocks blocks = StagedBlocks.of(
                BlockList.uniform(region, 0, 0, 1, BLOCKS),
                List.of(new StagedHandle(region, new StagedHandle(region, null))),
                MemoryKind.HOST,
                null);
        TransferObserver observer = new TransferObserver() {
            @Override
            public void applied(BlockRange range) {
                applied.add(range);
            }

            @Override
            public void failed(TransferError error) {
                failures.add(error.code());
            }

            @Override
            public void quiesced() {}
        };
        StagedSide side =
                new StagedSide(blocks, observer, Runnable::run, () -> Deadline.after(1, TimeUnit.MINUTES), () -> {});
        return new StagedInitiator(side, Operation.WRITE, true, false).over(backend);
    }

    /** Takes blocks, or refuses them. */
    private static final class Backend implements InitiatorTransfer {
        private boolean refuses;

        @Override
        public void submit(BlockRange blocks) {
            if (refuses) {
                throw new TransferException(TransferErrorCode.INVALID_REQUEST, Stage.SUBMIT, "not now");
            }
        }

        @Override
        public TransferStatus status() {
            return new TransferStatus(TransferState.IN_FLIGHT, 0, BLOCKS, 0, BLOCKS, null);
        }

        @Override
        public Quiescence finish(Deadline grace) {
            return Quiescence.QUIESCENT;
        }
    }
}
