package io.kvferry.backend.mooncake;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.backend.mooncake.adapter.TransferEngineProvider;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEndpoint;
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
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferId;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Function;

/**
 * A backend on its own, with the plans that a caller without peer control makes for it.
 *
 * @param <B> which engine
 */
final class BackendNode<B extends TransferBackend> implements AutoCloseable {
    private static final PeerIdentity SELF = new PeerIdentity("node", 1);
    static final PeerIdentity FOREIGN = new PeerIdentity("foreign", 1);

    private final ScheduledThreadPoolExecutor executor = new ScheduledThreadPoolExecutor(1);
    private final Arena arena = Arena.ofShared();
    final B backend;

    private BackendNode(Function<BackendEnvironment, B> open) {
        executor.setRemoveOnCancelPolicy(true);
        BackendEnvironment environment =
                new BackendEnvironment(SELF, Ticker.system(), this::schedule, "127.0.0.1", "127.0.0.1");
        try {
            backend = open.apply(environment);
        } catch (RuntimeException e) {
            executor.shutdownNow();
            throw e;
        }
    }

    static BackendNode<WireBackend> wire(BackendConfig config) {
        return new BackendNode<>(
                environment -> WireBackend.open(MooncakeConfig.from(config, environment), environment, soon()));
    }

    static BackendNode<NativeBackend> ofLibrary(BackendConfig config) {
        return new BackendNode<>(environment ->
                NativeBackend.open(new TransferEngineProvider(), NativeConfig.from(config, environment), environment));
    }

    private Scheduler.Scheduled schedule(Deadline when, Runnable task) {
        ScheduledFuture<?> future = executor.schedule(task, when.remainingNanos(), TimeUnit.NANOSECONDS);
        return () -> future.cancel(false);
    }

    static Deadline soon() {
        return Deadline.after(20, TimeUnit.SECONDS);
    }

    /** Waits for something that comes from elsewhere. */
    static void await(BooleanSupplier condition) {
        Deadline end = soon();
        while (!condition.getAsBoolean()) {
            assertThat(end.isExpired()).as("it took too long").isFalse();
            Thread.onSpinWait();
        }
    }

    /** Fresh memory, zero or filled by a seed. */
    MemorySegment memory(long bytes, int seed) {
        MemorySegment memory = arena.allocate(bytes, 4096);
        fill(memory, seed);
        return memory;
    }

    /** Seed 0 is zeros. Repeats after a prime number of bytes, so that a block in another's place is seen. */
    static void fill(MemorySegment memory, int seed) {
        byte[] pattern = new byte[65537];
        if (seed != 0) {
            new Random(seed).nextBytes(pattern);
        }
        for (long at = 0; at < memory.byteSize(); at += pattern.length) {
            long bytes = Math.min(pattern.length, memory.byteSize() - at);
            MemorySegment.copy(MemorySegment.ofArray(pattern), 0, memory, at, bytes);
        }
    }

    /** Equal blocks over the whole of some memory. */
    static BlockList blocks(MemorySegment memory, long blockBytes) {
        return BlockList.uniform(MemoryRegion.host(memory), 1, 0, blockBytes, (int) (memory.byteSize() / blockBytes));
    }

    private List<MemoryHandle> handles(BlockList blocks) {
        return blocks.regions().stream()
                .map(region -> backend.register(region, soon()))
                .toList();
    }

    /** One transfer with a foreign target. */
    record Started(InitiatorTransfer transfer, Ending ending) {}

    /** Prepares with blocks that lie one behind the other at the target from an address on. */
    Started prepare(Operation operation, String segment, BlockList blocks, long address) {
        long[] addresses = new long[blocks.size()];
        addresses[0] = address;
        for (int i = 1; i < addresses.length; i++) {
            addresses[i] = addresses[i - 1] + blocks.length(i - 1);
        }
        return prepare(operation, ForeignPeers.endpoint(segment), blocks, ForeignPeers.blocksAt(addresses));
    }

    Started prepare(Operation operation, BackendEndpoint endpoint, BlockList blocks, Descriptor descriptor) {
        Ending ending = new Ending(blocks.size());
        InitiatorPlan plan = new InitiatorPlan(
                TransferId.random(),
                1,
                operation,
                SELF,
                FOREIGN,
                endpoint,
                blocks,
                handles(blocks),
                ChecksumMode.OFF,
                soon(),
                ending,
                null);
        return new Started(backend.prepare(plan, descriptor, soon()), ending);
    }

    Started start(Operation operation, String segment, BlockList blocks, long address) {
        Started started = prepare(operation, segment, blocks, address);
        started.transfer().submit(new BlockRange(0, blocks.size()));
        return started;
    }

    /** Offers blocks to foreign peers. */
    TargetTransfer offer(Operation operation, BlockList blocks, Proposal proposal, Ending ending) {
        TargetPlan plan = new TargetPlan(
                TransferId.random(), 1, 1, operation, SELF, FOREIGN, blocks, handles(blocks), soon(), ending, null);
        return backend.accept(plan, proposal, soon());
    }

    @Override
    public void close() {
        backend.close(soon());
        executor.shutdownNow();
        arena.close();
    }
}
