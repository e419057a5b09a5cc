package io.kvferry.backend.inprocess;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.LeaseKey;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Side;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Two-sided mode: the target copies what was announced, and only that, while the channel holds. */
class InProcessTwoSidedTest {
    private static final int SLICE = 4096;

    private final HeldAdapter adapter = new HeldAdapter(0);
    private final Pair pair = new Pair(Pair.sliced(SLICE, true), adapter);
    private final BlockList source = BlockList.uniform(pair.random(4 * SLICE, 1), 0, 0, SLICE, 4);
    private final BlockList destination = BlockList.uniform(pair.poisoned(4 * SLICE), 0, 0, SLICE, 4);

    @AfterEach
    void close() {
        adapter.letGo();
        pair.close();
    }

    @Test
    void brokenChannelFailsBothSides() {
        Pair.Started transfer = pair.start(Operation.WRITE, source, destination);
        transfer.channel().breakDown();

        assertThat(transfer.initiatorObserver().awaitFailure().code()).isEqualTo(TransferErrorCode.CONTROL_FAILED);
        assertThat(transfer.targetObserver().awaitFailure().code()).isEqualTo(TransferErrorCode.CONTROL_FAILED);
        transfer.submitAll();
        assertThat(adapter.slices()).isZero();
    }

    @Test
    void channelThatBreaksInMidCopyLetsNoFurtherSliceLand() {
        Pair.Started transfer = pair.start(Operation.WRITE, source, destination);
        transfer.submitAll();
        adapter.awaitHeld();
        transfer.channel().breakDown();

        assertThat(transfer.initiatorObserver().awaitFailure().code()).isEqualTo(TransferErrorCode.CONTROL_FAILED);
        assertThat(transfer.targetObserver().awaitFailure().memorySafe()).isFalse();
        adapter.letGo();
        pair.target.close(Pair.soon());
        assertThat(adapter.slices()).isEqualTo(1);
    }

    @Test
    void theInitiatorsGoodbyeIsNoFailureOfTheTarget() {
        Pair.Started transfer = pair.start(Operation.WRITE, source, destination);
        transfer.initiator().finish(Pair.now());
        Pair.Started next = pair.start(Operation.WRITE, source, destination);
        adapter.letGo();
        next.submitAll();
        next.awaitComplete();

        transfer.channel().awaitDelivered();
        assertThat(transfer.targetObserver().hasFailed()).isFalse();
        assertThat(transfer.initiatorObserver().hasFailed()).isFalse();
    }

    @Test
    void theTargetsGoodbyeEndsTheLease() {
        Pair.Started transfer = pair.start(Operation.WRITE, source, destination);
        transfer.target().finish(Pair.now());

        assertThat(transfer.initiatorObserver().awaitFailure().code()).isEqualTo(TransferErrorCode.LEASE_ENDED);
    }

    static List<byte[]> badMessages() {
        return List.of(
                new byte[0],
                new byte[] {1},
                new byte[9],
                new byte[4096],
                RangeMessage.LANDED.encode(new BlockRange(0, 1)),
                RangeMessage.ANNOUNCE.encode(new BlockRange(4, 1)),
                RangeMessage.ANNOUNCE.encode(new BlockRange(0, 5)),
                RangeMessage.ANNOUNCE.encode(new BlockRange(Integer.MAX_VALUE - 1, 1)),
                new byte[] {1, -1, -1, -1, -1, 0, 0, 0, 1},
                new byte[] {1, 0, 0, 0, 0, 0, 0, 0, 0});
    }

    @ParameterizedTest
    @MethodSource("badMessages")
    void nonsenseFromTheInitiatorFailsThatTransferOnly(byte[] message) {
        Pair.Started transfer = pair.start(Operation.WRITE, source, destination);
        Pair.Started other = pair.start(Operation.WRITE, source, destination);
        transfer.channel().forge(Side.TARGET, message);

        assertThat(transfer.targetObserver().awaitFailure().code()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
        assertThat(adapter.slices()).isZero();
        adapter.letGo();
        other.submitAll();
        other.awaitComplete();
    }

    @Test
    void blocksAnnouncedTwiceAreAProtocolErrorAndLandOnce() {
        Pair.Started transfer = pair.start(Operation.WRITE, source, destination);
        transfer.initiator().submit(new BlockRange(0, 2));
        adapter.awaitHeld();
        transfer.channel().forge(Side.TARGET, RangeMessage.ANNOUNCE.encode(new BlockRange(1, 1)));

        assertThat(transfer.targetObserver().awaitFailure().code()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
        adapter.letGo();
        pair.target.close(Pair.soon());
        assertThat(adapter.slices()).isEqualTo(1);
        transfer.targetObserver().assertNoMistakes();
    }

    @Test
    void blocksSubmittedTwiceAreRefused() {
        Pair.Started transfer = pair.start(Operation.WRITE, source, destination);
        transfer.initiator().submit(new BlockRange(0, 2));

        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(() -> transfer.initiator().submit(new BlockRange(1, 2)))
                .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.INVALID_REQUEST));
    }

    @Test
    void whatLandedWithoutBeingAnnouncedIsAProtocolError() {
        Pair.Started transfer = pair.start(Operation.WRITE, source, destination);
        transfer.channel().forge(Side.INITIATOR, RangeMessage.LANDED.encode(new BlockRange(0, 4)));

        assertThat(transfer.initiatorObserver().awaitFailure().code()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
        assertThat(transfer.initiatorObserver().appliedBlocks()).isZero();
    }

    @Test
    void aTransferWithoutChannelIsRefused() {
        InitiatorPlan plan = pair.initiatorPlan(
                TransferId.random(), pair.order(Operation.WRITE, source, destination), new RecordingObserver(4), null);

        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(() -> pair.prepare(plan, new LeaseDescriptor(1, LeaseKey.random(1)).encode()))
                .withMessageContaining("kvferry.inprocess.two-sided")
                .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.INVALID_REQUEST));
    }

    @Test
    void aPeerInTheOtherModeIsIncompatible() {
        TransferBackend oneSided = Pair.open(BackendConfig.DEFAULTS, Pair.INITIATOR, CopyAdapter.MEMORY);
        InitiatorPlan ours = pair.initiatorPlan(
                TransferId.random(), pair.order(Operation.WRITE, source, destination), new RecordingObserver(4), null);
        InitiatorPlan plan = new InitiatorPlan(
                ours.id(),
                1,
                ours.operation(),
                ours.self(),
                ours.peer(),
                ours.peerEndpoint(),
                source,
                Pair.register(oneSided, source),
                ours.checksum(),
                ours.deadline(),
                ours.observer(),
                null);

        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(
                        () -> oneSided.prepare(plan, new LeaseDescriptor(1, LeaseKey.random(1)).encode(), Pair.soon()))
                .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.INCOMPATIBLE_PEER));
        oneSided.close(Pair.soon());
    }
}
