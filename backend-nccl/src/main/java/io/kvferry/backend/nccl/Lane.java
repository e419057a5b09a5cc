package io.kvferry.backend.nccl;

import io.kvferry.backend.nccl.adapter.CudaAdapter;
import io.kvferry.backend.nccl.adapter.NcclAdapter;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.TransferException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The stream of one connection: halves in their turn, those of one turn started as one group, and over when its event has happened.
 * Confined to the device thread.
 */
final class Lane {
    private static final Logger LOG = LoggerFactory.getLogger(Lane.class);

    private record Running(List<Half> halves, long event) {}

    private final NcclAdapter nccl;
    private final CudaAdapter cuda;
    private final int peerRank;
    private final boolean zeroCopy;
    private final long stream;
    private final Queue<List<Half>> turn = new ArrayDeque<>();
    private @Nullable List<Half> starting;
    private final Queue<Running> running = new ArrayDeque<>();
    private final Queue<Long> freeEvents = new ArrayDeque<>();
    private final Map<MemoryRegion, Long> registrations = new HashMap<>();

    /** @param peerRank which rank the other side is */
    Lane(NcclAdapter nccl, CudaAdapter cuda, int peerRank, boolean zeroCopy) {
        this.nccl = nccl;
        this.cuda = cuda;
        this.peerRank = peerRank;
        this.zeroCopy = zeroCopy;
        this.stream = cuda.createStream();
    }

    boolean isEmpty() {
        return running.isEmpty() && turn.isEmpty() && starting == null;
    }

    /** Tells whether something is with the GPU. */
    boolean isRunning() {
        return !running.isEmpty() || starting != null;
    }

    /** Queues halves that start together. */
    void add(List<Half> halves) {
        turn.add(halves);
    }

    /** Tells those whose halves are over; returns whether there were any. */
    boolean finishRunning() {
        boolean moved = false;
        while (!running.isEmpty() && cuda.hasHappened(running.element().event())) {
            Running done = running.remove();
            freeEvents.add(done.event());
            done.halves().forEach(half -> half.outcome().done());
            moved = true;
        }
        return moved;
    }

    /**
     * Goes on with a communicator that is READY: records the end of what has started, and starts what is next.
     *
     * @return whether there was anything to do
     * @throws TransferException when NCCL refuses; the connection must end then
     */
    boolean advance(long communicator) {
        boolean moved = false;
        List<Half> begun = starting;
        if (begun != null) {
            starting = null;
            running.add(new Running(begun, recorded()));
            moved = true;
        }
        List<Half> next = turn.poll();
        if (next != null) {
            start(communicator, next);
            moved = true;
        }
        return moved;
    }

    private long recorded() {
        Long free = freeEvents.poll();
        long event = free != null ? free : cuda.createEvent();
        cuda.record(event, stream);
        return event;
    }

    private void start(long communicator, List<Half> halves) {
        starting = halves;
        nccl.beginGroup();
        try {
            for (Half half : halves) {
                add(communicator, half);
            }
        } finally {
            nccl.endGroup();
        }
    }

    private void add(long communicator, Half half) {
        BlockList blocks = half.blocks();
        for (int i = half.range().first(); i < half.range().end(); i++) {
            MemoryRegion region = blocks.region(i);
            if (zeroCopy) {
                registrations.computeIfAbsent(
                        region, memory -> nccl.register(communicator, memory.address(), memory.sizeBytes()));
            }
            long address = region.address() + blocks.offset(i);
            if (half.sends()) {
                nccl.send(communicator, address, blocks.length(i), peerRank, stream);
            } else {
                nccl.receive(communicator, address, blocks.length(i), peerRank, stream);
            }
        }
    }

    /** Forgets memory that is about to go. */
    void deregister(long communicator, MemoryRegion region) {
        Long registration = registrations.remove(region);
        if (registration != null) {
            nccl.deregister(communicator, registration);
        }
    }

    /** Drops what is not with the GPU. */
    void dropWaiting() {
        List<Half> waiting = turn.stream().flatMap(List::stream).toList();
        turn.clear();
        waiting.forEach(half -> half.outcome().dropped());
    }

    /** Tells whether the GPU has let go of the stream. */
    boolean isIdle() {
        try {
            return cuda.isIdle(stream);
        } catch (TransferException e) {
            // an error that stays with the device: its context is lost, and no kernel of it runs
            LOG.warn("the device is lost", e);
            return true;
        }
    }

    /** Gives the stream back and drops what was on it. Only when it is idle. */
    void close() {
        List<Half> dropped = new ArrayList<>();
        if (starting != null) {
            dropped.addAll(starting);
            starting = null;
        }
        running.forEach(each -> {
            dropped.addAll(each.halves());
            freeEvents.add(each.event());
        });
        running.clear();
        try {
            freeEvents.forEach(cuda::destroyEvent);
            cuda.destroyStream(stream);
        } catch (TransferException e) {
            LOG.warn("events and stream of a connection are left behind", e);
        }
        freeEvents.clear();
        dropped.forEach(half -> half.outcome().dropped());
    }
}
