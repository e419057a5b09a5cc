package io.kvferry.backend.inprocess;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferState;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Moving bytes: all of them, once, and none after the end. */
class InProcessTransferTest {
    private static final int SLICE = 4096;
    private static final BlockRange FIRST = new BlockRange(0, 1);

    @ParameterizedTest
    @CsvSource({"WRITE,false,ON", "WRITE,true,OFF", "READ,false,AUTO", "READ,true,ON"})
    void everyBlockArrivesWholeAndNothingBesideItChanges(Operation operation, boolean twoSided, ChecksumMode checksum) {
        try (Pair pair = new Pair(Pair.sliced(SLICE, twoSided), CopyAdapter.MEMORY)) {
            SplittableRandom random = new SplittableRandom(42);
            MemoryRegion source = pair.random(400_000, 1);
            MemoryRegion otherSource = pair.random(400_000, 2);
            MemoryRegion destination = pair.poisoned(400_000);
            MemorySegment expected = pair.poisoned(400_000).segment();
            BlockList.Builder from = BlockList.builder(20);
            BlockList.Builder to = BlockList.builder(20);
            int[] sizes = {1, 7, SLICE - 1, SLICE, SLICE + 1, 3 * SLICE + 5, 1, 64, 100_003, 2 * SLICE};
            long position = 3;
            for (int i = 0; i < sizes.length; i++) {
                long key = random.nextLong();
                MemoryRegion region = i % 2 == 0 ? source : otherSource;
                long sourceOffset = random.nextLong(region.sizeBytes() - sizes[i]);
                from.add(key, region, sourceOffset, sizes[i]);
                to.add(key, destination, position, sizes[i]);
                MemorySegment.copy(region.segment(), sourceOffset, expected, position, sizes[i]);
                position += sizes[i] + random.nextInt(1, 9);
            }
            BlockList initiatorBlocks = operation == Operation.WRITE ? from.build() : to.build();
            BlockList targetBlocks = operation == Operation.WRITE ? to.build() : from.build();

            Pair.Started transfer = pair.start(
                    new Pair.Order(operation, initiatorBlocks, targetBlocks, checksum, Pair.soon(), Pair.soon()));
            transfer.submitAll();
            transfer.awaitComplete();

            assertThat(destination.segment().mismatch(expected)).isEqualTo(-1);
            assertThat(transfer.initiator().status().bytesDone()).isEqualTo(initiatorBlocks.totalBytes());
            assertThat(transfer.target().status().state()).isEqualTo(TransferState.COMPLETED);
            assertThat(transfer.initiator().finish(Pair.now())).isEqualTo(Quiescence.QUIESCENT);
            assertThat(transfer.target().finish(Pair.now())).isEqualTo(Quiescence.QUIESCENT);
            transfer.initiatorObserver().assertNoMistakes();
            transfer.targetObserver().assertNoMistakes();
            assertThat(transfer.initiatorObserver().hasQuiesced()).isFalse();
            assertThat(transfer.initiatorObserver().hasFailed()).isFalse();
            assertThat(transfer.targetObserver().hasFailed()).isFalse();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void partsInAnyOrderAreEachAppliedOnce(boolean twoSided) {
        try (Pair pair = new Pair(Pair.sliced(SLICE, twoSided), CopyAdapter.MEMORY)) {
            BlockList source = BlockList.uniform(pair.random(64 * 1000, 3), 0, 0, 1000, 64);
            BlockList destination = BlockList.uniform(pair.poisoned(64 * 1000), 0, 0, 1000, 64);
            Pair.Started transfer = pair.start(Operation.WRITE, source, destination);

            for (int part = 15; part >= 0; part--) {
                transfer.initiator().submit(new BlockRange(4 * part, 4));
            }
            transfer.awaitComplete();

            transfer.initiatorObserver().assertNoMistakes();
            transfer.targetObserver().assertNoMistakes();
            assertThat(destination.region(0).segment().mismatch(source.region(0).segment()))
                    .isEqualTo(-1);
        }
    }

    @Test
    void smallTransferDoesNotWaitForALargeOne() {
        HeldAdapter adapter = new HeldAdapter(0);
        try (Pair pair = new Pair(Pair.sliced(SLICE, false), adapter)) {
            Pair.Started large = oneBlock(pair, 50L * SLICE);
            Pair.Started small = oneBlock(pair, 10);
            large.submitAll();
            adapter.awaitHeld();
            small.submitAll();
            adapter.letGo();
            small.awaitComplete();
            large.awaitComplete();

            assertThat(adapter.sliceBytes().indexOf(10L)).isEqualTo(1);
        }
    }

    @Test
    void progressIsVisibleWhileALaterSliceIsStillCopied() {
        HeldAdapter adapter = new HeldAdapter(2);
        try (Pair pair = new Pair(Pair.sliced(SLICE, false), adapter)) {
            Pair.Started transfer = pair.start(
                    Operation.WRITE,
                    BlockList.uniform(pair.random(3 * SLICE, 4), 0, 0, SLICE, 3),
                    BlockList.uniform(pair.poisoned(3 * SLICE), 0, 0, SLICE, 3));
            assertThat(transfer.initiator().status().state()).isEqualTo(TransferState.PREPARED);
            transfer.submitAll();
            adapter.awaitHeld();

            assertThat(transfer.initiator().status().state()).isEqualTo(TransferState.IN_FLIGHT);
            assertThat(transfer.initiator().status().blocksDone()).isEqualTo(2);
            assertThat(transfer.target().status().bytesDone()).isEqualTo(2 * SLICE);
            adapter.letGo();
            transfer.awaitComplete();
        }
    }

    @ParameterizedTest
    @CsvSource({"WRITE,false", "WRITE,true", "READ,false", "READ,true"})
    void cancelInMidCopyIsQuarantinedAndThenNotAByteChanges(Operation operation, boolean twoSided) {
        HeldAdapter adapter = new HeldAdapter(3);
        try (Pair pair = new Pair(Pair.sliced(SLICE, twoSided), adapter)) {
            MemoryRegion destination = pair.poisoned(10 * SLICE);
            BlockList from = BlockList.uniform(pair.random(10 * SLICE, 5), 0, 0, 10 * SLICE, 1);
            BlockList to = BlockList.uniform(destination, 0, 0, 10 * SLICE, 1);
            Pair.Started transfer =
                    operation == Operation.WRITE ? pair.start(operation, from, to) : pair.start(operation, to, from);
            transfer.submitAll();
            adapter.awaitHeld();

            assertThat(transfer.initiator().finish(Pair.now())).isEqualTo(Quiescence.QUARANTINED);
            assertThat(transfer.initiator().finish(Pair.now())).isEqualTo(Quiescence.QUARANTINED);
            assertThat(transfer.target().finish(Pair.now())).isEqualTo(Quiescence.QUARANTINED);
            assertThat(transfer.initiator().status().state()).isEqualTo(TransferState.QUARANTINED);
            assertThat(transfer.initiatorObserver().hasQuiesced()).isFalse();

            adapter.letGo();
            transfer.initiatorObserver().awaitQuiesced();
            transfer.targetObserver().awaitQuiesced();
            assertThat(transfer.initiator().finish(Pair.now())).isEqualTo(Quiescence.QUIESCENT);
            assertThat(transfer.initiator().status().state()).isEqualTo(TransferState.FINISHED);
            destination.segment().fill(Pair.POISON);
            drain(pair);

            assertThat(Pair.isPoison(destination)).isTrue();
            assertThat(adapter.slices()).isEqualTo(4 + 1);
            transfer.initiatorObserver().assertNoMistakes();
            transfer.targetObserver().assertNoMistakes();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void finishBeforeAnySubmitIsQuiescentAtOnce(boolean twoSided) {
        try (Pair pair = new Pair(Pair.sliced(SLICE, twoSided), CopyAdapter.MEMORY)) {
            Pair.Started transfer = oneBlock(pair, 100);

            assertThat(transfer.initiator().finish(Pair.now())).isEqualTo(Quiescence.QUIESCENT);
            assertThat(transfer.target().finish(Pair.now())).isEqualTo(Quiescence.QUIESCENT);
            assertThatExceptionOfType(TransferException.class)
                    .isThrownBy(transfer::submitAll)
                    .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.INVALID_REQUEST));
        }
    }

    @Test
    void blocksThatAreNotInThePlanAreRefused() {
        try (Pair pair = new Pair()) {
            Pair.Started transfer = oneBlock(pair, 100);

            assertThatExceptionOfType(TransferException.class)
                    .isThrownBy(() -> transfer.initiator().submit(new BlockRange(0, 2)))
                    .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.INVALID_REQUEST));
        }
    }

    @ParameterizedTest
    @CsvSource({"false,false", "false,true", "true,false", "true,true"})
    void whatComesAfterTheTargetsEndIsRefusedAndWritesNothing(boolean twoSided, boolean finished) {
        try (Pair pair = new Pair(Pair.sliced(SLICE, twoSided), CopyAdapter.MEMORY)) {
            MemoryRegion destination = pair.poisoned(1000);
            Pair.Started transfer = pair.start(
                    Operation.WRITE,
                    BlockList.uniform(pair.random(1000, 6), 0, 0, 1000, 1),
                    BlockList.uniform(destination, 0, 0, 1000, 1));
            if (finished) {
                transfer.target().finish(Pair.now());
            } else {
                transfer.target().seal();
            }
            transfer.initiator().submit(FIRST);

            assertThat(transfer.initiatorObserver().awaitFailure().code()).isEqualTo(TransferErrorCode.LEASE_ENDED);
            drain(pair);
            assertThat(Pair.isPoison(destination)).isTrue();
        }
    }

    @Test
    void sealedInMidBlockLetsNoFurtherSliceLand() {
        HeldAdapter adapter = new HeldAdapter(1);
        try (Pair pair = new Pair(Pair.sliced(SLICE, false), adapter)) {
            Pair.Started transfer = oneBlock(pair, 5 * SLICE);
            transfer.submitAll();
            adapter.awaitHeld();
            transfer.target().seal();
            adapter.letGo();

            assertThat(transfer.initiatorObserver().awaitFailure().code()).isEqualTo(TransferErrorCode.LEASE_ENDED);
            assertThat(adapter.slices()).isEqualTo(2);
            assertThat(transfer.target().finish(Pair.now())).isEqualTo(Quiescence.QUIESCENT);
            assertThat(transfer.targetObserver().hasQuiesced()).isFalse();
        }
    }

    @Test
    void nothingIsCopiedAfterTheInitiatorsDeadline() {
        FakeTicker ticker = new FakeTicker();
        try (Pair pair = new Pair()) {
            MemoryRegion destination = pair.poisoned(100);
            Pair.Started transfer = pair.start(new Pair.Order(
                    Operation.WRITE,
                    BlockList.uniform(pair.random(100, 7), 0, 0, 100, 1),
                    BlockList.uniform(destination, 0, 0, 100, 1),
                    ChecksumMode.AUTO,
                    Deadline.after(Duration.ofSeconds(1), ticker),
                    Pair.soon()));
            ticker.advance(Duration.ofSeconds(1));
            transfer.submitAll();

            assertThat(transfer.initiatorObserver().awaitFailure().code())
                    .isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED);
            assertThat(Pair.isPoison(destination)).isTrue();
        }
    }

    @Test
    void nothingIsCopiedAfterTheLeaseExpired() {
        FakeTicker ticker = new FakeTicker();
        try (Pair pair = new Pair()) {
            MemoryRegion destination = pair.poisoned(100);
            Pair.Started transfer = pair.start(new Pair.Order(
                    Operation.WRITE,
                    BlockList.uniform(pair.random(100, 8), 0, 0, 100, 1),
                    BlockList.uniform(destination, 0, 0, 100, 1),
                    ChecksumMode.AUTO,
                    Pair.soon(),
                    Deadline.after(Duration.ofSeconds(1), ticker)));
            ticker.advance(Duration.ofSeconds(1));
            transfer.submitAll();

            assertThat(transfer.initiatorObserver().awaitFailure().code()).isEqualTo(TransferErrorCode.LEASE_ENDED);
            assertThat(Pair.isPoison(destination)).isTrue();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void corruptionIsFoundOnBothSides(boolean twoSided) {
        try (Pair pair = new Pair(Pair.sliced(SLICE, twoSided), InProcessTransferTest::corrupt)) {
            Pair.Started transfer = checkedBlock(pair, ChecksumMode.ON);
            transfer.submitAll();

            assertThat(transfer.initiatorObserver().awaitFailure().code()).isEqualTo(TransferErrorCode.DATA_CORRUPTED);
            assertThat(transfer.targetObserver().awaitFailure().code()).isEqualTo(TransferErrorCode.DATA_CORRUPTED);
            assertThat(transfer.targetObserver().appliedBlocks()).isZero();
            assertThat(transfer.target().finish(Pair.now())).isEqualTo(Quiescence.QUIESCENT);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"OFF", "AUTO"})
    void withoutChecksumNobodyLooks(ChecksumMode checksum) {
        try (Pair pair = new Pair(Pair.sliced(SLICE, false), InProcessTransferTest::corrupt)) {
            Pair.Started transfer = checkedBlock(pair, checksum);
            transfer.submitAll();

            transfer.awaitComplete();
        }
    }

    private static void corrupt(MemorySegment source, long from, MemorySegment destination, long to, long bytes) {
        MemorySegment.copy(source, from, destination, to, bytes);
        byte last = destination.get(ValueLayout.JAVA_BYTE, to + bytes - 1);
        destination.set(ValueLayout.JAVA_BYTE, to + bytes - 1, (byte) (last ^ 1));
    }

    private static Pair.Started checkedBlock(Pair pair, ChecksumMode checksum) {
        return pair.start(new Pair.Order(
                Operation.WRITE,
                BlockList.uniform(pair.random(100_000, 9), 0, 0, 100_000, 1),
                BlockList.uniform(pair.poisoned(100_000), 0, 0, 100_000, 1),
                checksum,
                Pair.soon(),
                Pair.soon()));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void failedCopyFailsItsTransferOnBothSidesAndNoOther(boolean asError) {
        boolean[] broken = {true};
        CopyAdapter adapter = (source, from, destination, to, bytes) -> {
            if (broken[0]) {
                broken[0] = false;
                if (asError) {
                    throw new InternalError("a fault in mapped memory");
                }
                throw new IllegalStateException("already closed");
            }
            MemorySegment.copy(source, from, destination, to, bytes);
        };
        try (Pair pair = new Pair(Pair.sliced(SLICE, false), adapter)) {
            Pair.Started victim = oneBlock(pair, 100);
            Pair.Started other = oneBlock(pair, 100);
            victim.submitAll();
            other.submitAll();

            assertThat(victim.initiatorObserver().awaitFailure().code()).isEqualTo(TransferErrorCode.TRANSFER_FAILED);
            assertThat(victim.initiatorObserver().awaitFailure().memorySafe()).isTrue();
            assertThat(victim.targetObserver().awaitFailure().code()).isEqualTo(TransferErrorCode.TRANSFER_FAILED);
            assertThat(victim.initiator().status().state()).isEqualTo(TransferState.FAILED);
            other.awaitComplete();
        }
    }

    private static Pair.Started oneBlock(Pair pair, long bytes) {
        return pair.start(
                Operation.WRITE,
                BlockList.uniform(pair.random(bytes, 10), 0, 0, bytes, 1),
                BlockList.uniform(pair.poisoned(bytes), 0, 0, bytes, 1));
    }

    /** Moves another block through the same worker: whatever was queued before it has had its turn. */
    private static void drain(Pair pair) {
        Pair.Started last = oneBlock(pair, 1);
        last.submitAll();
        last.awaitComplete();
    }
}
