package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryKind;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A piece of memory that transfers may use, registered once with every backend that can move its kind.
 *
 * <p><b>Threads:</b> Thread-safe. <b>Ownership:</b> memory from {@link TransferEngine#allocate} and arenas given to {@link
 * TransferEngine#adopt} are freed with it; memory given to {@link TransferEngine#register} stays the caller's, who keeps it
 * mapped until {@code close} has returned. Its bytes are not guarded: that a program touches what a transfer moves is for the
 * program to prevent.
 *
 * @since 0.1.0
 */
public final class Memory implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Memory.class);

    private final MemoryRegistry registry;
    private final EngineContext context;
    private final MemoryRegion region;
    /** Frees the memory, or null where it is borrowed. */
    private final @Nullable Runnable free;
    /** Per open backend, by its index: the registration as a list of one, or an empty list. */
    private final List<List<MemoryHandle>> handles;

    private final Object lock = new Object();
    private final CompletableFuture<Boolean> released = new CompletableFuture<>();
    // guarded by lock
    private int owners = 1;
    private int uses;
    private boolean closing;
    private boolean releasing;
    private boolean disowned;

    Memory(
            MemoryRegistry registry,
            EngineContext context,
            MemoryRegion region,
            @Nullable Runnable free,
            List<List<MemoryHandle>> handles) {
        this.registry = registry;
        this.context = context;
        this.region = region;
        this.free = free;
        this.handles = handles;
    }

    /**
     * Returns the region, for block lists.
     *
     * @return the region
     */
    public MemoryRegion region() {
        return region;
    }

    /**
     * Returns the segment over host memory.
     *
     * @return the segment; one of an arena that was closed with this memory throws {@link IllegalStateException} when touched
     * @throws TransferException UNSUPPORTED for device memory
     */
    public MemorySegment segment() {
        return region.segment();
    }

    /**
     * Copies bytes into this memory, wherever it is, and returns when they are there. Blocks.
     *
     * @param offset where they go, from this memory's start
     * @param source the bytes; its size says how many
     * @param deadline until when it may wait for a device
     * @throws TransferException INVALID_REQUEST for bytes outside this memory; UNSUPPORTED where no open backend copies
     *     memory of this kind; DEADLINE_EXCEEDED; TRANSFER_FAILED
     * @throws IllegalStateException once host memory has been freed
     */
    public void write(long offset, MemorySegment source, Deadline deadline) {
        checkInside(offset, source.byteSize());
        if (region.kind() == MemoryKind.HOST) {
            MemorySegment.copy(source, 0, segment(), offset, source.byteSize());
        } else {
            new DeviceBytes(registry.port(region.kind()), region).write(offset, source, deadline);
        }
    }

    /**
     * Copies as {@link #write(long, MemorySegment, Deadline)} does, with {@code kvferry.copy-timeout}.
     *
     * @param offset where the bytes go, from this memory's start
     * @param source the bytes
     * @throws TransferException as there
     */
    public void write(long offset, MemorySegment source) {
        write(offset, source, registry.copyDeadline());
    }

    /**
     * Copies bytes out of this memory, wherever it is. Blocks.
     *
     * @param offset where they are, from this memory's start
     * @param destination where they go; its size says how many
     * @param deadline until when it may wait for a device
     * @throws TransferException as {@link #write(long, MemorySegment, Deadline)}
     * @throws IllegalStateException once host memory has been freed
     */
    public void read(long offset, MemorySegment destination, Deadline deadline) {
        checkInside(offset, destination.byteSize());
        if (region.kind() == MemoryKind.HOST) {
            MemorySegment.copy(segment(), offset, destination, 0, destination.byteSize());
        } else {
            new DeviceBytes(registry.port(region.kind()), region).read(offset, destination, deadline);
        }
    }

    /**
     * Copies as {@link #read(long, MemorySegment, Deadline)} does, with {@code kvferry.copy-timeout}.
     *
     * @param offset where the bytes are, from this memory's start
     * @param destination where they go
     * @throws TransferException as there
     */
    public void read(long offset, MemorySegment destination) {
        read(offset, destination, registry.copyDeadline());
    }

    private void checkInside(long offset, long bytes) {
        if (offset < 0 || bytes > region.sizeBytes() || offset > region.sizeBytes() - bytes) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.TRANSFER,
                    "bytes [" + offset + " +" + bytes + "] are not inside " + region);
        }
    }

    /**
     * Tells whether a transfer or a lease holds this memory, quarantined ones included.
     *
     * @return true while one does
     */
    public boolean isInUse() {
        synchronized (lock) {
            return uses > 0;
        }
    }

    /**
     * Closes with {@code kvferry.close-timeout}.
     *
     * @throws TransferException as {@link #close(Deadline)}
     */
    @Override
    public void close() {
        close(registry.closeDeadline());
    }

    /**
     * Lets no new transfer in, waits for those that use the memory, and gives it back. Idempotent. Where the same region
     * was registered several times, the last close does it.
     *
     * @param deadline until when to wait
     * @throws TransferException RESOURCE_EXHAUSTED if the memory is still in use at the deadline: it stays mapped and
     *     registered, and is given back by itself when its last use ends; INVALID_REQUEST when called from a listener
     */
    public void close(Deadline deadline) {
        ListenerThread.refuse("Memory.close");
        synchronized (lock) {
            if (!closing && --owners > 0) {
                return;
            }
            closing = true;
        }
        if (!awaitReleased(deadline)) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.CLOSE,
                    this
                            + "; keep it mapped: it is given back by itself when its last use ends, or named when the engine"
                            + " closes");
        }
    }

    /** Leaves the memory to whom it came from. Returns false when it is being freed already. */
    boolean disown() {
        synchronized (lock) {
            disowned = !releasing;
            return disowned;
        }
    }

    /** Closes whatever the number of owners; returns whether it was released in time. */
    boolean closeForGood(Deadline deadline) {
        synchronized (lock) {
            closing = true;
        }
        return awaitReleased(deadline);
    }

    private boolean awaitReleased(Deadline deadline) {
        releaseIfUnused(deadline);
        return context.waits().until(released, deadline, Stage.CLOSE) && released.getNow(false);
    }

    /** Counts a user in. */
    void acquire() {
        synchronized (lock) {
            if (closing) {
                throw new TransferException(
                        TransferErrorCode.MEMORY_NOT_REGISTERED, Stage.PREPARE, region + " is being closed");
            }
            uses++;
        }
    }

    /** Counts a user out; called once its side is quiescent. */
    void release() {
        synchronized (lock) {
            uses--;
            if (uses > 0 || !closing) {
                return;
            }
        }
        context.executor().execute(() -> releaseIfUnused(registry.closeDeadline()));
    }

    /** Joins another registration of the same region. Returns false when it is too late for that. */
    boolean share() {
        synchronized (lock) {
            if (closing) {
                return false;
            }
            owners++;
            return true;
        }
    }

    List<MemoryHandle> handles(OpenBackend backend) {
        return handles.get(backend.index());
    }

    int uses() {
        synchronized (lock) {
            return uses;
        }
    }

    private void releaseIfUnused(Deadline deadline) {
        Runnable freeing;
        synchronized (lock) {
            if (uses > 0 || releasing) {
                return;
            }
            releasing = true;
            freeing = disowned ? null : free;
        }
        boolean clean = false;
        try {
            clean = registry.deregister(this, handles, deadline);
            if (clean && freeing != null) {
                freeing.run();
            }
        } catch (UnsupportedOperationException e) {
            LOG.debug("{} is in a global or automatic arena, which frees itself", region);
        } catch (RuntimeException e) {
            clean = false;
            LOG.error("{} could not be freed and stays mapped", region, e);
        } finally {
            released.complete(clean);
        }
    }

    @Override
    public String toString() {
        int users = uses();
        return region
                + (users == 0
                        ? " is still registered with a backend"
                        : " is used by " + users + " transfers or leases");
    }
}
