package io.kvferry.backend.inprocess;

import io.kvferry.conformance.ChannelPair;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Side;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferId;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** Two backends in one JVM and the memory between them. */
final class Pair implements AutoCloseable {
    static final PeerIdentity INITIATOR = new PeerIdentity("initiator", 1);
    static final PeerIdentity TARGET = new PeerIdentity("target", 2);
    /** What no test data contains, since data bytes are never negative. */
    static final byte POISON = (byte) 0xEE;

    private static final AtomicLong EPOCHS = new AtomicLong();

    private final Arena arena = Arena.ofShared();
    private final List<ChannelPair> channels = new ArrayList<>();
    private final BackendConfig config;
    final TransferBackend initiator;
    final TransferBackend target;

    Pair(BackendConfig config, CopyAdapter adapter) {
        this.config = config;
        this.initiator = open(config, INITIATOR, adapter);
        this.target = open(config, TARGET, adapter);
    }

    Pair() {
        this(BackendConfig.DEFAULTS, CopyAdapter.MEMORY);
    }

    static BackendConfig sliced(long sliceBytes, boolean twoSided) {
        return BackendConfig.DEFAULTS
                .with(InProcessConfigKeys.SLICE_SIZE, sliceBytes)
                .with(InProcessConfigKeys.TWO_SIDED, twoSided);
    }

    static TransferBackend open(BackendConfig config, PeerIdentity self, CopyAdapter adapter) {
        Scheduler none = (when, task) -> {
            throw new UnsupportedOperationException("this backend schedules nothing");
        };
        BackendEnvironment environment = new BackendEnvironment(self, Ticker.system(), none, "127.0.0.1", "127.0.0.1");
        return new InProcessBackendProvider(adapter).open(config, environment, soon());
    }

    static Deadline soon() {
        return Deadline.after(20, TimeUnit.SECONDS);
    }

    static Deadline now() {
        return Deadline.after(0, TimeUnit.SECONDS);
    }

    MemoryRegion poisoned(long bytes) {
        return MemoryRegion.host(arena.allocate(bytes, 1).fill(POISON));
    }

    MemoryRegion random(long bytes, long seed) {
        MemorySegment segment = arena.allocate(bytes, 1);
        SplittableRandom random = new SplittableRandom(seed);
        byte[] data = new byte[(int) bytes];
        random.nextBytes(data);
        for (int i = 0; i < data.length; i++) {
            data[i] &= 0x7F;
        }
        MemorySegment.copy(data, 0, segment, ValueLayout.JAVA_BYTE, 0, data.length);
        return MemoryRegion.host(segment);
    }

    static boolean isPoison(MemoryRegion region) {
        MemorySegment expected = Arena.ofAuto().allocate(region.sizeBytes(), 1).fill(POISON);
        return expected.mismatch(region.segment()) == -1;
    }

    /** Everything about one transfer that a test may want to bend before it begins. */
    record Order(
            Operation operation,
            BlockList initiatorBlocks,
            BlockList targetBlocks,
            ChecksumMode checksum,
            Deadline initiatorDeadline,
            Deadline targetDeadline) {}

    Order order(Operation operation, BlockList initiatorBlocks, BlockList targetBlocks) {
        return new Order(operation, initiatorBlocks, targetBlocks, ChecksumMode.AUTO, soon(), soon());
    }

    /** A transfer that is prepared on both sides. */
    record Started(
            InitiatorTransfer initiator,
            TargetTransfer target,
            RecordingObserver initiatorObserver,
            RecordingObserver targetObserver,
            @Nullable ChannelPair channel,
            TransferId id) {
        void submitAll() {
            initiator.submit(new BlockRange(0, initiator.status().blocksTotal()));
        }

        void awaitComplete() {
            initiatorObserver.awaitComplete();
            targetObserver.awaitComplete();
        }
    }

    Started start(Operation operation, BlockList initiatorBlocks, BlockList targetBlocks) {
        return start(order(operation, initiatorBlocks, targetBlocks));
    }

    Started start(Order order) {
        TransferId id = TransferId.random();
        ChannelPair channel = config.get(InProcessConfigKeys.TWO_SIDED) ? new ChannelPair() : null;
        if (channel != null) {
            channels.add(channel);
        }
        RecordingObserver initiatorObserver =
                new RecordingObserver(order.initiatorBlocks().size());
        RecordingObserver targetObserver =
                new RecordingObserver(order.targetBlocks().size());
        InitiatorPlan plan =
                initiatorPlan(id, order, initiatorObserver, channel == null ? null : channel.end(Side.INITIATOR));
        TargetTransfer accepted = accept(
                targetPlan(id, order, targetObserver, channel == null ? null : channel.end(Side.TARGET)),
                initiator.propose(plan));
        InitiatorTransfer prepared = initiator.prepare(plan, accepted.descriptor(), soon());
        return new Started(prepared, accepted, initiatorObserver, targetObserver, channel, id);
    }

    TargetTransfer accept(TargetPlan plan, Proposal proposal) {
        return target.accept(plan, proposal, soon());
    }

    InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor) {
        return initiator.prepare(plan, descriptor, soon());
    }

    InitiatorPlan initiatorPlan(TransferId id, Order order, RecordingObserver observer, @Nullable PeerChannel channel) {
        return new InitiatorPlan(
                id,
                1,
                order.operation(),
                INITIATOR,
                TARGET,
                target.endpoint(),
                order.initiatorBlocks(),
                register(initiator, order.initiatorBlocks()),
                order.checksum(),
                order.initiatorDeadline(),
                observer,
                channel);
    }

    TargetPlan targetPlan(TransferId id, Order order, RecordingObserver observer, @Nullable PeerChannel channel) {
        return new TargetPlan(
                id,
                1,
                EPOCHS.incrementAndGet(),
                order.operation(),
                TARGET,
                INITIATOR,
                order.targetBlocks(),
                register(target, order.targetBlocks()),
                order.targetDeadline(),
                observer,
                channel);
    }

    static List<MemoryHandle> register(TransferBackend backend, BlockList blocks) {
        return blocks.regions().stream()
                .map(region -> backend.register(region, soon()))
                .toList();
    }

    @Override
    public void close() {
        initiator.close(soon());
        target.close(soon());
        channels.forEach(ChannelPair::close);
        arena.close();
    }
}
