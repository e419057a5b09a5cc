package io.kvferry.backend.nccl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.backend.nccl.adapter.NcclAdapter;
import io.kvferry.backend.nccl.adapter.NcclLibrary;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.Side;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What hangs for ever in other systems ends here in one typed error, by the deadline: an absent peer, one that does not answer,
 * a wrong id, a wrong rank, sizes that differ, a receiver without room.
 */
class NcclFailureTest {
    private static final BackendConfig CONFIG = BackendConfig.DEFAULTS;
    private static final BlockRange ALL = new BlockRange(0, TwoBackends.BLOCKS);

    private static TransferException failure(CompletableFuture<?> call) {
        Throwable thrown = catchThrowableOfType(Exception.class, () -> call.get(20, TimeUnit.SECONDS))
                .getCause();
        assertThat(thrown).isInstanceOf(TransferException.class);
        return (TransferException) thrown;
    }

    private static void moves(TwoBackends pair, Operation operation) throws InterruptedException {
        TwoBackends.Agreed agreed = pair.agree(operation);
        boolean write = operation == Operation.WRITE;
        pair.fill(pair.initiator, agreed.local, write ? 1 : 2);
        pair.fill(pair.target, agreed.remote, write ? 2 : 1);
        InitiatorTransfer transfer = agreed.prepare();
        transfer.submit(ALL);
        agreed.initiatorHears.awaitApplied(TwoBackends.BLOCKS);
        pair.assertFilled(write ? pair.target : pair.initiator, write ? agreed.remote : agreed.local, 1);
        transfer.finish(pair.far());
        agreed.lease.finish(pair.far());
    }

    @ParameterizedTest
    @EnumSource(Under.class)
    void blocksMoveBothWaysAndWithoutAConnectionOfTheirOwn(Under under) throws InterruptedException {
        try (TwoBackends pair = new TwoBackends(under.library(), CONFIG)) {
            for (int i = 0; i < 3; i++) {
                moves(pair, Operation.WRITE);
                moves(pair, Operation.READ);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Under.class)
    void peerThatNeverJoinsIsTheDeadlineAndNothingElse(Under under) throws InterruptedException {
        try (TwoBackends pair = new TwoBackends(under.library(), CONFIG)) {
            TwoBackends.Agreed agreed = pair.agree(Operation.WRITE);
            agreed.intercept(message -> null);
            CompletableFuture<InitiatorTransfer> prepare =
                    CompletableFuture.supplyAsync(() -> agreed.prepare(pair.ticker.in(Duration.ofSeconds(1))));
            // another operation with the same peer is not held up
            moves(pair, Operation.READ);
            assertThat(prepare).isNotDone();
            pair.ticker.advance(Duration.ofSeconds(1));
            assertThat(failure(prepare).code()).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED);
            agreed.lease.finish(pair.far());
            moves(pair, Operation.WRITE);
        }
    }

    @ParameterizedTest
    @EnumSource(Under.class)
    void connectsThatNeverEndAreBounded(Under under) throws InterruptedException {
        BackendConfig one = CONFIG.with(NcclConfigKeys.MAX_FAILED_CONNECTS, 1);
        try (TwoBackends pair = new TwoBackends(under.library(), one)) {
            TwoBackends.Agreed lost = pair.agree(Operation.WRITE);
            CountDownLatch invited = new CountDownLatch(1);
            lost.intercept(message -> {
                invited.countDown();
                return null;
            });
            CompletableFuture<InitiatorTransfer> prepare =
                    CompletableFuture.supplyAsync(() -> lost.prepare(pair.ticker.in(Duration.ofSeconds(1))));
            assertThat(invited.await(20, TimeUnit.SECONDS)).isTrue();
            pair.ticker.advance(Duration.ofSeconds(1));
            assertThat(failure(prepare).code()).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED);
            TwoBackends.Agreed next = pair.agree(Operation.WRITE);
            TransferException refusal = catchThrowableOfType(TransferException.class, next::prepare);
            assertThat(refusal.code()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED);
            assertThat(refusal).hasMessageContaining("kvferry.nccl.max-failed-connects");
        }
    }

    private static void joinFails(Under under, UnaryOperator<Message.Join> change, TransferErrorCode code)
            throws InterruptedException {
        try (TwoBackends pair = new TwoBackends(under.library(), CONFIG)) {
            TwoBackends.Agreed agreed = pair.agree(Operation.WRITE);
            agreed.intercept(message -> message instanceof Message.Join join ? change.apply(join) : message);
            TransferException refusal = catchThrowableOfType(TransferException.class, agreed::prepare);
            assertThat(refusal.code()).as(refusal.getMessage()).isEqualTo(code);
            agreed.lease.finish(pair.far());
            moves(pair, Operation.WRITE);
        }
    }

    @ParameterizedTest
    @EnumSource(Under.class)
    void wrongUniqueIdIsRefused(Under under) throws InterruptedException {
        joinFails(
                under,
                join -> new Message.Join(
                        join.connection(), join.ranks(), join.rank(), new UniqueId(new byte[NcclAdapter.ID_BYTES])),
                TransferErrorCode.CONNECTION_FAILED);
    }

    @ParameterizedTest
    @EnumSource(Under.class)
    void wrongRankIsRefused(Under under) throws InterruptedException {
        joinFails(
                under,
                join -> new Message.Join(join.connection(), join.ranks(), 2, join.uniqueId()),
                TransferErrorCode.PROTOCOL_ERROR);
    }

    @ParameterizedTest
    @EnumSource(Under.class)
    void wrongNumberOfRanksIsRefused(Under under) throws InterruptedException {
        joinFails(
                under,
                join -> new Message.Join(join.connection(), 3, join.rank(), join.uniqueId()),
                TransferErrorCode.PROTOCOL_ERROR);
    }

    @ParameterizedTest
    @EnumSource(Under.class)
    void sizesThatDifferAreRefusedBeforeTheGpuSeesThem(Under under) throws InterruptedException {
        try (TwoBackends pair = new TwoBackends(under.library(), CONFIG)) {
            TwoBackends.Agreed agreed = pair.agree(Operation.WRITE, TwoBackends.BLOCK / 2);
            pair.fill(pair.target, agreed.remote, 7);
            InitiatorTransfer transfer = agreed.prepare();
            transfer.submit(ALL);
            assertThat(agreed.targetHears.awaitFailure().code()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
            agreed.lease.finish(pair.far());
            agreed.channel.end(Side.TARGET).close();
            assertThat(agreed.initiatorHears.awaitFailure().code()).isEqualTo(TransferErrorCode.LEASE_ENDED);
            if (transfer.finish(pair.far()) == Quiescence.QUARANTINED) {
                agreed.initiatorHears.awaitQuiet();
            }
            pair.assertFilled(pair.target, agreed.remote, 7);
            moves(pair, Operation.WRITE);
        }
    }

    @ParameterizedTest
    @EnumSource(Under.class)
    void connectionsBeyondTheirNumberMakeRoomForEachOther(Under under) throws InterruptedException {
        try (TwoBackends pair = new TwoBackends(under.library(), CONFIG.with(NcclConfigKeys.MAX_CONNECTIONS, 1))) {
            for (int i = 0; i < 3; i++) {
                moves(pair, Operation.WRITE);
                moves(pair, Operation.READ);
            }
            TwoBackends.Agreed agreed = pair.agree(Operation.WRITE);
            InitiatorTransfer user = agreed.prepare();
            TwoBackends.Agreed other = pair.agree(Operation.READ);
            TransferException refusal = catchThrowableOfType(TransferException.class, other::prepare);
            assertThat(refusal.code()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED);
            assertThat(refusal).hasMessageContaining("kvferry.nccl.max-connections");
            user.finish(pair.far());
            agreed.lease.finish(pair.far());
            other.lease.finish(pair.far());
            moves(pair, Operation.READ);
        }
    }

    /** As behind P2P and shared memory, where NCCL itself never notices. */
    @ParameterizedTest
    @EnumSource(Under.class)
    void peerThatDiesInSilenceHoldsTheMemoryUntilTheFenceAndNoLonger(Under under) throws InterruptedException {
        NcclLibrary library = under.library();
        boolean emulated = under == Under.EMULATOR;
        try (TwoBackends pair = new TwoBackends(library, CONFIG)) {
            under.freeze(library, true);
            if (emulated) {
                Emulator.set("emuSilent", true);
            }
            TwoBackends.Agreed agreed = pair.agree(Operation.WRITE);
            CountDownLatch answered = new CountDownLatch(1);
            agreed.intercept(Side.INITIATOR, message -> {
                if (message instanceof Message.Ready) {
                    answered.countDown();
                }
                return message instanceof Message.Aborted ? null : message;
            });
            InitiatorTransfer transfer = agreed.prepare();
            transfer.submit(ALL);
            assertThat(answered.await(20, TimeUnit.SECONDS)).isTrue();
            pair.target.reset(new ResetScope.Instance(), pair.far());
            under.freeze(library, false);
            assertThat(transfer.finish(pair.far())).isEqualTo(Quiescence.QUARANTINED);
            assertThat(agreed.initiatorHears.hasFailed()).isFalse();
            agreed.lease.finish(pair.far());
            pair.initiator.reset(new ResetScope.Instance(), pair.far());
            agreed.initiatorHears.awaitQuiet();
            moves(pair, Operation.WRITE);
        } finally {
            under.freeze(library, false);
            if (emulated) {
                Emulator.set("emuSilent", false);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Under.class)
    void requestsForOtherBlocksThanTheLeasesAreRefused(Under under) {
        try (TwoBackends pair = new TwoBackends(under.library(), CONFIG)) {
            for (BlockRange wrong :
                    new BlockRange[] {new BlockRange(0, TwoBackends.BLOCKS + 1), new BlockRange(TwoBackends.BLOCKS, 1)
                    }) {
                TwoBackends.Agreed agreed = pair.agree(Operation.WRITE);
                InitiatorTransfer transfer = agreed.prepare();
                agreed.intercept(message -> message instanceof Message.Request request
                        ? new Message.Request(request.connection(), wrong, request.bytes(), request.checksum())
                        : message);
                transfer.submit(ALL);
                assertThat(agreed.targetHears.awaitFailure().code()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
                agreed.lease.finish(pair.far());
                agreed.channel.breakDown();
                assertThat(agreed.initiatorHears.awaitFailure().code()).isEqualTo(TransferErrorCode.CONTROL_FAILED);
                transfer.finish(pair.far());
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Under.class)
    void receiverWithoutRoomIsAnErrorOfItsOwn(Under under) {
        try (TwoBackends pair = new TwoBackends(under.library(), CONFIG)) {
            TransferBackend full = pair.target;
            TransferException refusal = catchThrowableOfType(
                    TransferException.class,
                    () -> full.deviceMemory().orElseThrow().allocate(0, 1L << 45));
            assertThat(refusal.code()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED);
        }
    }

    @ParameterizedTest
    @EnumSource(Under.class)
    void memoryThatIsNotTheDevicesIsRefusedBeforeNcclSeesIt(Under under) {
        try (TwoBackends pair = new TwoBackends(under.library(), CONFIG)) {
            MemoryRegion inside = pair.initiator.deviceMemory().orElseThrow().allocate(0, 4096);
            for (MemoryRegion wrong : new MemoryRegion[] {
                MemoryRegion.cuda(0, 0x1000, 4096),
                MemoryRegion.cuda(0, inside.address(), 1L << 40),
                MemoryRegion.cuda(1, inside.address(), 4096)
            }) {
                TransferException refusal =
                        catchThrowableOfType(TransferException.class, () -> pair.initiator.register(wrong, pair.far()));
                assertThat(refusal.code()).isEqualTo(TransferErrorCode.INVALID_REQUEST);
            }
            pair.initiator.deviceMemory().orElseThrow().free(inside);
        }
    }
}
