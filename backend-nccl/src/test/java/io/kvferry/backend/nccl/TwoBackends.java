package io.kvferry.backend.nccl;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.backend.nccl.adapter.NcclLibrary;
import io.kvferry.conformance.ChannelPair;
import io.kvferry.conformance.FakeTicker;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.Side;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferId;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** Two backends without engines, on one clock: what lies between them is the test's. */
final class TwoBackends implements AutoCloseable {
    static final int BLOCK = 4096;
    static final int BLOCKS = 8;

    final FakeTicker ticker = new FakeTicker();
    final TransferBackend initiator;
    final TransferBackend target;
    private final PeerIdentity here = new PeerIdentity("here", 1);
    private final PeerIdentity there = new PeerIdentity("there", 2);
    private final List<ChannelPair> channels = new ArrayList<>();
    private final List<Runnable> frees = new ArrayList<>();

    /** One transfer as it was agreed, with both sides' memory and reports. */
    final class Agreed {
        final ChannelPair channel = new ChannelPair();
        final Watcher initiatorHears = new Watcher();
        final Watcher targetHears = new Watcher();
        final MemoryRegion local;
        final MemoryRegion remote;
        final MemoryHandle localHandle;
        final MemoryHandle remoteHandle;
        final TargetTransfer lease;
        private final InitiatorPlan plan;
        private final Descriptor descriptor;

        private Agreed(Operation operation, long localBlock, Duration until) {
            channels.add(channel);
            local = initiator.deviceMemory().orElseThrow().allocate(0, localBlock * BLOCKS);
            remote = target.deviceMemory().orElseThrow().allocate(0, (long) BLOCK * BLOCKS);
            frees.add(() -> initiator.deviceMemory().orElseThrow().free(local));
            frees.add(() -> target.deviceMemory().orElseThrow().free(remote));
            localHandle = initiator.register(local, far());
            remoteHandle = target.register(remote, far());
            TransferId id = TransferId.random();
            plan = new InitiatorPlan(
                    id,
                    1,
                    operation,
                    here,
                    there,
                    target.endpoint(),
                    BlockList.uniform(local, 0, 0, localBlock, BLOCKS),
                    List.of(localHandle),
                    ChecksumMode.OFF,
                    ticker.in(until),
                    initiatorHears,
                    channel.end(Side.INITIATOR));
            lease = target.accept(
                    new TargetPlan(
                            id,
                            1,
                            1,
                            operation,
                            there,
                            here,
                            BlockList.uniform(remote, 0, 0, BLOCK, BLOCKS),
                            List.of(remoteHandle),
                            ticker.in(until),
                            targetHears,
                            channel.end(Side.TARGET)),
                    initiator.propose(plan),
                    far());
            descriptor = lease.descriptor();
        }

        InitiatorTransfer prepare(Deadline deadline) {
            return initiator.prepare(plan, descriptor, deadline);
        }

        InitiatorTransfer prepare() {
            return prepare(far());
        }

        /** Changes what the target hears; null is heard by nobody. */
        void intercept(UnaryOperator<Message> change) {
            intercept(Side.TARGET, change);
        }

        void intercept(Side to, UnaryOperator<Message> change) {
            channel.intercept(
                    to,
                    bytes -> Optional.ofNullable(change.apply(Message.decode(bytes, Integer.MAX_VALUE)))
                            .map(Message::encode));
        }
    }

    TwoBackends(NcclLibrary library, BackendConfig config) {
        initiator = open(library, config, here);
        target = open(library, config, there);
    }

    private TransferBackend open(NcclLibrary library, BackendConfig config, PeerIdentity self) {
        return new NcclBackendProvider(library)
                .open(
                        config,
                        new BackendEnvironment(self, ticker, ticker.scheduler(), "127.0.0.1", "127.0.0.1"),
                        far());
    }

    Deadline far() {
        return ticker.in(Duration.ofSeconds(60));
    }

    Agreed agree(Operation operation) {
        return new Agreed(operation, BLOCK, Duration.ofSeconds(60));
    }

    Agreed agree(Operation operation, long localBlock) {
        return new Agreed(operation, localBlock, Duration.ofSeconds(60));
    }

    /** Waits until both device threads have taken what came before; for backends with {@code zero-copy}. */
    void settle() {
        for (TransferBackend backend : List.of(initiator, target)) {
            MemoryRegion any = backend.deviceMemory().orElseThrow().allocate(0, 4096);
            backend.register(any, far()).deregister(far());
            backend.deviceMemory().orElseThrow().free(any);
        }
    }

    void fill(TransferBackend backend, MemoryRegion region, int value) {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment bytes = arena.allocate(region.sizeBytes()).fill((byte) value);
            backend.deviceMemory()
                    .orElseThrow()
                    .copy(MemoryRegion.host(bytes), 0, region, 0, region.sizeBytes(), far());
        }
    }

    void assertFilled(TransferBackend backend, MemoryRegion region, int value) {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment bytes = arena.allocate(region.sizeBytes());
            backend.deviceMemory()
                    .orElseThrow()
                    .copy(region, 0, MemoryRegion.host(bytes), 0, region.sizeBytes(), far());
            MemorySegment expected = arena.allocate(region.sizeBytes()).fill((byte) value);
            assertThat(bytes.mismatch(expected)).isEqualTo(-1);
        }
    }

    @Override
    public void close() {
        initiator.reset(new ResetScope.Instance(), far());
        target.reset(new ResetScope.Instance(), far());
        frees.forEach(Runnable::run);
        assertThat(initiator.close(far()).abandoned()).isEmpty();
        assertThat(target.close(far()).abandoned()).isEmpty();
        channels.forEach(ChannelPair::close);
    }
}
