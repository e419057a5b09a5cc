package io.kvferry.engine;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.DeviceMemory;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryKind;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All memory of one engine: each region registered once with each backend, however many transfers use it.
 *
 * <p><b>Threads:</b> Thread-safe. Registering may be slow; only callers with the same region wait for each other.
 */
final class MemoryRegistry {
    private static final Logger LOG = LoggerFactory.getLogger(MemoryRegistry.class);

    /** A page: what registers memory with a device works on pages. */
    private static final long HOST_ALIGNMENT = 4096;

    private final EngineContext context;
    private final Backends backends;
    private final ConcurrentHashMap<MemoryRegion, CompletableFuture<Memory>> memories = new ConcurrentHashMap<>();
    private volatile boolean closed;

    MemoryRegistry(EngineContext context, Backends backends) {
        this.context = context;
        this.backends = backends;
    }

    /** Allocates host memory, freed when it is closed. */
    Memory allocate(long sizeBytes) {
        if (sizeBytes < 1) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST, Stage.REGISTER, "cannot allocate " + sizeBytes + " bytes");
        }
        Arena arena = Arena.ofShared();
        try {
            return register(MemoryRegion.host(arena.allocate(sizeBytes, HOST_ALIGNMENT)), arena::close);
        } catch (OutOfMemoryError e) {
            arena.close();
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.REGISTER,
                    "no " + sizeBytes + " bytes of native memory; see -XX:MaxDirectMemorySize and the machine's limit",
                    e);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    /** Allocates memory of a device, freed when it is closed. */
    Memory allocate(int device, long sizeBytes) {
        DeviceMemory port = port(MemoryKind.CUDA);
        MemoryRegion region = port.allocate(device, sizeBytes);
        try {
            return register(region, () -> port.free(region));
        } catch (RuntimeException e) {
            port.free(region);
            throw e;
        }
    }

    /**
     * Registers a region, or joins its registration.
     *
     * @param free frees the memory in the end, or null where it is borrowed
     */
    Memory register(MemoryRegion region, @Nullable Runnable free) {
        CompletableFuture<Memory> mine = new CompletableFuture<>();
        CompletableFuture<Memory> known = memories.putIfAbsent(region, mine);
        if (known != null) {
            return join(region, free, known);
        }
        try {
            Memory memory = new Memory(this, context, region, free, registerWithAll(region));
            mine.complete(memory);
            if (closed && memory.disown()) {
                // close may have swept the map before this came in; what failed stays its caller's
                memory.closeForGood(closeDeadline());
                throw closing();
            }
            return memory;
        } catch (RuntimeException | Error e) {
            TransferException failure = Failures.of(e, Stage.REGISTER);
            mine.completeExceptionally(failure);
            memories.remove(region, mine);
            throw failure;
        }
    }

    private Memory join(MemoryRegion region, @Nullable Runnable free, CompletableFuture<Memory> known) {
        Memory memory = context.waits()
                .get(known.copy(), closeDeadline(), Stage.REGISTER, "the registration by another caller of ", region);
        if (free != null) {
            throw new TransferException(
                    TransferErrorCode.ALREADY_EXISTS,
                    Stage.REGISTER,
                    region + " is registered already, by somebody who keeps it");
        }
        if (!memory.share()) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.REGISTER,
                    region + " is being closed and still in use; register it again once that has ended");
        }
        return memory;
    }

    private List<List<MemoryHandle>> registerWithAll(MemoryRegion region) {
        if (closed) {
            throw closing();
        }
        List<List<MemoryHandle>> handles = new ArrayList<>();
        boolean moved = false;
        try {
            for (OpenBackend backend : backends.open()) {
                if (backend.moves(region.kind())) {
                    handles.add(List.of(backend.backend().register(region, closeDeadline())));
                    moved = true;
                } else {
                    handles.add(List.of());
                }
            }
        } catch (RuntimeException | Error e) {
            deregisterAll(handles, closeDeadline());
            throw e;
        }
        if (!moved) {
            throw new TransferException(
                    TransferErrorCode.UNSUPPORTED,
                    Stage.REGISTER,
                    "none of the open backends moves " + region.kind()
                            + " memory; add one that does to kvferry.backend");
        }
        return List.copyOf(handles);
    }

    private static TransferException closing() {
        return new TransferException(TransferErrorCode.SHUTTING_DOWN, Stage.REGISTER, "this engine is closing");
    }

    /** The port that copies memory of a kind which the CPU cannot touch. */
    DeviceMemory port(MemoryKind kind) {
        return backends.deviceMemory()
                .filter(port -> port.kind() == kind)
                .orElseThrow(() -> new TransferException(
                        TransferErrorCode.UNSUPPORTED,
                        Stage.REGISTER,
                        "none of the open backends allocates or copies " + kind
                                + " memory; add one that does to kvferry.backend, e.g. nccl"));
    }

    /** Takes all registrations back. Returns false where one would not go: the memory must then stay mapped. */
    boolean deregister(Memory memory, List<List<MemoryHandle>> handles, Deadline deadline) {
        boolean clean = deregisterAll(handles, deadline);
        if (clean) {
            memories.remove(memory.region());
        }
        return clean;
    }

    private static boolean deregisterAll(List<List<MemoryHandle>> handles, Deadline deadline) {
        boolean clean = true;
        for (List<MemoryHandle> perBackend : handles) {
            for (MemoryHandle handle : perBackend) {
                try {
                    handle.deregister(deadline);
                } catch (RuntimeException | Error e) {
                    clean = false;
                    LOG.error("{} could not be deregistered and stays mapped", handle.region(), e);
                }
            }
        }
        return clean;
    }

    /** Counts a user in for all regions of some blocks, or for none. */
    void acquire(BlockList blocks) {
        List<MemoryRegion> regions = blocks.regions();
        for (int i = 0; i < regions.size(); i++) {
            try {
                find(regions.get(i)).acquire();
            } catch (TransferException e) {
                for (int j = 0; j < i; j++) {
                    find(regions.get(j)).release();
                }
                throw e;
            }
        }
    }

    /** Counts the user out again. */
    void release(BlockList blocks) {
        List<MemoryRegion> regions = blocks.regions();
        for (int i = 0; i < regions.size(); i++) {
            find(regions.get(i)).release();
        }
    }

    /** The registrations of some blocks' regions with a backend; their memory is acquired. */
    List<MemoryHandle> handles(BlockList blocks, OpenBackend backend) {
        List<MemoryRegion> regions = blocks.regions();
        if (regions.size() == 1) {
            return require(find(regions.getFirst()).handles(backend), regions.getFirst(), backend);
        }
        List<MemoryHandle> handles = new ArrayList<>(regions.size());
        for (MemoryRegion region : regions) {
            handles.addAll(require(find(region).handles(backend), region, backend));
        }
        return handles;
    }

    private static List<MemoryHandle> require(List<MemoryHandle> handles, MemoryRegion region, OpenBackend backend) {
        if (handles.isEmpty()) {
            throw new TransferException(
                    TransferErrorCode.UNSUPPORTED,
                    Stage.PREPARE,
                    "backend " + backend.name() + " does not move " + region.kind() + " memory");
        }
        return handles;
    }

    private Memory find(MemoryRegion region) {
        CompletableFuture<Memory> registration = memories.get(region);
        if (registration == null || !registration.isDone() || registration.isCompletedExceptionally()) {
            throw new TransferException(
                    TransferErrorCode.MEMORY_NOT_REGISTERED,
                    Stage.PREPARE,
                    region + " is not registered; use the region of a Memory from allocate, adopt or register");
        }
        return Objects.requireNonNull(registration.join());
    }

    Deadline closeDeadline() {
        return context.after(context.settings().get(EngineConfigKeys.CLOSE_TIMEOUT));
    }

    Deadline copyDeadline() {
        return context.after(context.settings().get(EngineConfigKeys.COPY_TIMEOUT));
    }

    List<Memory> all() {
        return memories.values().stream()
                .filter(registration -> registration.isDone() && !registration.isCompletedExceptionally())
                .map(CompletableFuture::join)
                .toList();
    }

    /** Lets no new memory in; what is registered is closed one by one. */
    void close() {
        closed = true;
    }
}
