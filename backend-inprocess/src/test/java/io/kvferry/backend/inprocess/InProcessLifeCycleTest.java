package io.kvferry.backend.inprocess;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Capability;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Open, bounds, reset and close. */
class InProcessLifeCycleTest {
    private static final int SLICE = 4096;
    private static final BlockRange FIRST = new BlockRange(0, 1);

    @Test
    void serviceLoaderFindsTheProvider() {
        List<TransferBackendProvider> found = new ArrayList<>();
        ServiceLoader.load(TransferBackendProvider.class).forEach(found::add);
        found.removeIf(other -> !(other instanceof InProcessBackendProvider));
        assertThat(found).hasSize(1);
        TransferBackendProvider provider = found.getFirst();

        assertThat(provider.name()).isEqualTo("inprocess");
        assertThat(provider.probe(BackendConfig.DEFAULTS)).isInstanceOf(Availability.Available.class);
        assertThat(provider.configKeys())
                .extracting(ConfigKey::name)
                .isNotEmpty()
                .allMatch(name -> name.startsWith("kvferry.inprocess."));
    }

    @Test
    void channelIsDeclaredInTwoSidedModeOnlyAndTheWireIdsDiffer() {
        try (Pair oneSided = new Pair();
                Pair twoSided = new Pair(Pair.sliced(SLICE, true), CopyAdapter.MEMORY)) {
            assertThat(oneSided.target.info().can(Capability.PEER_CHANNEL)).isFalse();
            assertThat(twoSided.target.info().can(Capability.PEER_CHANNEL)).isTrue();
            assertThat(oneSided.target.info().can(Capability.CUDA_MEMORY)).isFalse();
            assertThat(oneSided.target.info().wireId().toString()).isEqualTo("kvferry-inprocess/1");
            assertThat(twoSided.target.info().wireId().toString()).isEqualTo("kvferry-inprocess-two-sided/1");
        }
    }

    @Test
    void closeEndsTheThreadAndIsRepeatable() {
        TransferBackend backend = Pair.open(BackendConfig.DEFAULTS, new PeerIdentity("closing", 3), CopyAdapter.MEMORY);
        assertThat(threadsOf("closing")).hasSize(1);

        assertThat(backend.close(Pair.soon()).isClean()).isTrue();
        assertThat(threadsOf("closing")).isEmpty();
        assertThat(backend.close(Pair.now()).isClean()).isTrue();
    }

    @Test
    void everyCallAfterCloseIsShuttingDown() {
        try (Pair pair = new Pair()) {
            BlockList source = BlockList.uniform(pair.random(10, 1), 0, 0, 10, 1);
            Pair.Started transfer =
                    pair.start(Operation.WRITE, source, BlockList.uniform(pair.poisoned(10), 0, 0, 10, 1));
            pair.initiator.close(Pair.soon());

            assertThat(transfer.initiatorObserver().awaitFailure().code()).isEqualTo(TransferErrorCode.SHUTTING_DOWN);
            assertRefused(
                    TransferErrorCode.SHUTTING_DOWN, () -> transfer.initiator().submit(FIRST));
            assertRefused(
                    TransferErrorCode.SHUTTING_DOWN, () -> pair.initiator.register(source.region(0), Pair.soon()));
            assertRefused(
                    TransferErrorCode.SHUTTING_DOWN,
                    () -> pair.initiator.reset(new ResetScope.Instance(), Pair.soon()));
            assertThat(transfer.initiator().finish(Pair.now())).isEqualTo(Quiescence.QUIESCENT);
        }
    }

    @Test
    void callsWhoseDeadlineHasPassedAreRefused() {
        try (Pair pair = new Pair()) {
            assertRefused(
                    TransferErrorCode.DEADLINE_EXCEEDED, () -> pair.initiator.register(pair.poisoned(8), Pair.now()));
            assertRefused(
                    TransferErrorCode.DEADLINE_EXCEEDED,
                    () -> new InProcessBackendProvider().open(BackendConfig.DEFAULTS, null, Pair.now()));
        }
    }

    @Test
    void closeWithAHangingCopySaysWhatItLeavesAndTheRestFollowsWhenItReturns() {
        HeldAdapter adapter = new HeldAdapter(0);
        try (Pair pair = new Pair(Pair.sliced(SLICE, false), adapter)) {
            Pair.Started transfer = held(pair, adapter);
            assertThat(transfer.initiator().finish(Pair.now())).isEqualTo(Quiescence.QUARANTINED);

            CloseReport report = pair.initiator.close(Deadline.after(20, TimeUnit.MILLISECONDS));

            assertThat(report.abandoned()).hasSize(2);
            assertThat(report.abandoned().getFirst()).contains(transfer.id().toString(), "HOST[0x");
            assertThat(report.abandoned().getLast()).contains("kvferry-inprocess-initiator-");
            assertThat(transfer.initiatorObserver().hasQuiesced()).isFalse();

            adapter.letGo();
            transfer.initiatorObserver().awaitQuiesced();
            assertThat(pair.initiator.close(Pair.soon()).isClean()).isTrue();
            assertThat(adapter.slices()).isEqualTo(1);
        }
    }

    @Test
    void closeOfATargetWhoseMemoryIsStillCopiedSaysSo() {
        HeldAdapter adapter = new HeldAdapter(0);
        try (Pair pair = new Pair(Pair.sliced(SLICE, false), adapter)) {
            Pair.Started transfer = held(pair, adapter);

            CloseReport report = pair.target.close(Deadline.after(20, TimeUnit.MILLISECONDS));

            assertThat(report.abandoned())
                    .singleElement()
                    .asString()
                    .contains(transfer.id().toString());
            adapter.letGo();
            assertThat(transfer.initiatorObserver().awaitFailure().code()).isEqualTo(TransferErrorCode.TRANSFER_FAILED);
            assertThat(pair.target.close(Pair.soon()).isClean()).isTrue();
        }
    }

    static List<ResetScope.Peer> bystanders() {
        return List.of(
                new ResetScope.Peer(new PeerIdentity("target", 1)), new ResetScope.Peer(new PeerIdentity("other", 2)));
    }

    @ParameterizedTest
    @MethodSource("bystanders")
    void resetOfAnotherPeerTouchesNobody(ResetScope.Peer scope) {
        try (Pair pair = new Pair()) {
            Pair.Started transfer = oneBlock(pair);

            pair.initiator.reset(scope, Pair.soon());

            transfer.submitAll();
            transfer.awaitComplete();
        }
    }

    @Test
    void resetFencesWhatIsInItsScopeAndTheInstanceStaysUsable() {
        try (Pair pair = new Pair()) {
            Pair.Started victim = oneBlock(pair);
            Pair.Started bystander = oneBlock(pair);

            pair.initiator.reset(new ResetScope.Connection(victim.id(), 2), Pair.soon());
            assertThat(victim.initiatorObserver().hasFailed()).isFalse();
            pair.initiator.reset(new ResetScope.Connection(victim.id(), 1), Pair.soon());
            assertThat(victim.initiatorObserver().awaitFailure().code()).isEqualTo(TransferErrorCode.TRANSFER_FAILED);
            bystander.submitAll();
            bystander.awaitComplete();

            Pair.Started second = oneBlock(pair);
            Pair.Started third = oneBlock(pair);
            pair.initiator.reset(new ResetScope.Peer(Pair.TARGET), Pair.soon());
            assertThat(second.initiatorObserver().awaitFailure().code()).isEqualTo(TransferErrorCode.TRANSFER_FAILED);
            pair.target.reset(new ResetScope.Instance(), Pair.soon());
            assertThat(third.targetObserver().awaitFailure().code()).isEqualTo(TransferErrorCode.TRANSFER_FAILED);

            Pair.Started next = oneBlock(pair);
            next.submitAll();
            next.awaitComplete();
        }
    }

    @Test
    void resetThatCannotFenceInTimeSaysSo() {
        HeldAdapter adapter = new HeldAdapter(0);
        try (Pair pair = new Pair(Pair.sliced(SLICE, false), adapter)) {
            Pair.Started transfer = held(pair, adapter);

            assertRefused(
                    TransferErrorCode.DEADLINE_EXCEEDED,
                    () -> pair.initiator.reset(new ResetScope.Instance(), Deadline.after(10, TimeUnit.MILLISECONDS)));
            assertThat(transfer.initiatorObserver().awaitFailure().memorySafe()).isFalse();
            assertThat(transfer.initiator().finish(Pair.now())).isEqualTo(Quiescence.QUARANTINED);
            adapter.letGo();
            pair.initiator.reset(new ResetScope.Instance(), Pair.soon());
            transfer.initiatorObserver().awaitQuiesced();
        }
    }

    @Test
    void oneMorePartThanTheQueueHoldsIsRefusedBeforeItStarts() {
        HeldAdapter adapter = new HeldAdapter(0);
        try (Pair pair = new Pair(Pair.sliced(SLICE, false).with(InProcessConfigKeys.QUEUE_DEPTH, 3), adapter)) {
            Pair.Started transfer = pair.start(
                    Operation.WRITE,
                    BlockList.uniform(pair.random(40, 1), 0, 0, 10, 4),
                    BlockList.uniform(pair.poisoned(40), 0, 0, 10, 4));
            for (int i = 0; i < 3; i++) {
                transfer.initiator().submit(new BlockRange(i, 1));
            }
            adapter.awaitHeld();

            assertThatExceptionOfType(TransferException.class)
                    .isThrownBy(() -> transfer.initiator().submit(new BlockRange(3, 1)))
                    .withMessageContaining("kvferry.inprocess.queue-depth")
                    .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED));
            adapter.letGo();
            submitWhenThereIsRoom(transfer, new BlockRange(3, 1));
            transfer.awaitComplete();
        }
    }

    private static void submitWhenThereIsRoom(Pair.Started transfer, BlockRange range) {
        Deadline deadline = Pair.soon();
        while (!deadline.isExpired()) {
            try {
                transfer.initiator().submit(range);
                return;
            } catch (TransferException e) {
                assertThat(e.code()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED);
                Thread.onSpinWait();
            }
        }
        throw new AssertionError("the queue never had room again");
    }

    @Test
    void placesOfTransfersAreBoundedAndComeBackWithEachEnd() {
        try (Pair pair =
                new Pair(BackendConfig.DEFAULTS.with(InProcessConfigKeys.MAX_TRANSFERS, 2), CopyAdapter.MEMORY)) {
            assertThat(pair.initiator.info().limits().maxTransfers()).isEqualTo(2);
            for (int round = 0; round < 10; round++) {
                List<Pair.Started> running = new ArrayList<>(List.of(oneBlock(pair), oneBlock(pair)));
                assertThatExceptionOfType(TransferException.class)
                        .isThrownBy(() -> oneBlock(pair))
                        .withMessageContaining("kvferry.inprocess.max-transfers")
                        .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED));
                running.forEach(transfer -> {
                    transfer.initiator().finish(Pair.now());
                    transfer.initiator().finish(Pair.now());
                    transfer.target().finish(Pair.now());
                });
            }
        }
    }

    @Test
    void refusedPrepareTakesNoPlace() {
        try (Pair pair =
                new Pair(BackendConfig.DEFAULTS.with(InProcessConfigKeys.MAX_TRANSFERS, 1), CopyAdapter.MEMORY)) {
            BlockList source = BlockList.uniform(pair.random(10, 1), 0, 0, 10, 1);
            BlockList other = BlockList.uniform(pair.poisoned(10), 7, 0, 10, 1);
            assertRefused(TransferErrorCode.BUFFER_MISMATCH, () -> pair.start(Operation.WRITE, source, other));

            assertRefused(TransferErrorCode.RESOURCE_EXHAUSTED, () -> oneBlock(pair));
            pair.target.reset(new ResetScope.Instance(), Pair.soon());
        }
    }

    @Test
    void aThrowingAdapterNeverEndsTheWorker() {
        CopyAdapter adapter = new CopyAdapter() {
            private int calls;

            @Override
            public void copy(MemorySegment source, long from, MemorySegment destination, long to, long bytes) {
                if (calls++ < 5) {
                    Thread.currentThread().interrupt();
                    throw new StackOverflowError();
                }
                CopyAdapter.MEMORY.copy(source, from, destination, to, bytes);
            }
        };
        try (Pair pair = new Pair(Pair.sliced(SLICE, false), adapter)) {
            for (int i = 0; i < 5; i++) {
                Pair.Started victim = oneBlock(pair);
                victim.submitAll();
                assertThat(victim.initiatorObserver().awaitFailure().code())
                        .isEqualTo(TransferErrorCode.TRANSFER_FAILED);
            }
            Pair.Started next = oneBlock(pair);
            next.submitAll();
            next.awaitComplete();
        }
    }

    private static Pair.Started held(Pair pair, HeldAdapter adapter) {
        Pair.Started transfer = pair.start(
                Operation.WRITE,
                BlockList.uniform(pair.random(2 * SLICE, 1), 0, 0, 2 * SLICE, 1),
                BlockList.uniform(pair.poisoned(2 * SLICE), 0, 0, 2 * SLICE, 1));
        transfer.submitAll();
        adapter.awaitHeld();
        return transfer;
    }

    private static Pair.Started oneBlock(Pair pair) {
        return pair.start(
                Operation.WRITE,
                BlockList.uniform(pair.random(10, 1), 0, 0, 10, 1),
                BlockList.uniform(pair.poisoned(10), 0, 0, 10, 1));
    }

    private static List<Thread> threadsOf(String node) {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("kvferry-inprocess-" + node + "-"))
                .toList();
    }

    private static void assertRefused(TransferErrorCode code, ThrowingCallable call) {
        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(call)
                .satisfies(e -> assertThat(e.code()).isEqualTo(code));
    }
}
