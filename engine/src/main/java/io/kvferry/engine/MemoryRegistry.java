package io.kvferry.engine;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** All memory of one engine: each region registered once with each backend, however many transfers use it. */
final class MemoryRegistry {
    private static final Logger LOG = LoggerFactory.getLogger(MemoryRegistry.class);

    private final EngineContext context;
    private final Backends backends;
    private final ConcurrentHashMap<MemoryRegion, Memory> memories = new ConcurrentHashMap<>();
    private final Object registering = new Object();

    MemoryRegistry(EngineContext context, Backends backends) {
        this.context = context;
        this.backends = backends;
    }

    /**
     * Registers a region, or joins its registration.
     *
     * @param arena frees the memory in the end, or null where it is borrowed
     */
    Memory register(MemoryRegion region, @Nullable Arena arena) {
        // one registration at a time, so that two callers with one region cannot both register it
        synchronized (registering) {
            Memory known = memories.get(region);
            if (known != null) {
                if (known.share()) {
                    return known;
                }
                throw new TransferException(
                        TransferErrorCode.RESOURCE_EXHAUSTED,
                        Stage.REGISTER,
                        region + " is being closed and still in use; register it again once that has ended");
            }
            Memory memory = new Memory(this, region, arena, registerWithAll(region));
            memories.put(region, memory);
            return memory;
        }
    }

    private List<List<MemoryHandle>> registerWithAll(MemoryRegion region) {
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
        } catch (RuntimeException e) {
            deregisterAll(handles);
            throw Failures.of(e, Stage.REGISTER);
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

    /** Takes all registrations back. Returns false where one would not go: the memory must then stay mapped. */
    boolean deregister(Memory memory, List<List<MemoryHandle>> handles) {
        memories.remove(memory.region(), memory);
        return deregisterAll(handles);
    }

    private boolean deregisterAll(List<List<MemoryHandle>> handles) {
        boolean clean = true;
        for (List<MemoryHandle> perBackend : handles) {
            for (MemoryHandle handle : perBackend) {
                try {
                    handle.deregister(closeDeadline());
                } catch (RuntimeException e) {
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
        Memory memory = memories.get(region);
        if (memory == null) {
            throw new TransferException(
                    TransferErrorCode.MEMORY_NOT_REGISTERED,
                    Stage.PREPARE,
                    region + " is not registered; use the region of a Memory from allocate, adopt or register");
        }
        return memory;
    }

    boolean awaitReleased(CompletableFuture<Boolean> released, Deadline deadline) {
        return context.waits().until(released, deadline, Stage.CLOSE);
    }

    Deadline closeDeadline() {
        return context.after(context.settings().get(EngineConfigKeys.CLOSE_TIMEOUT));
    }

    Executor executor() {
        return context.executor();
    }

    List<Memory> all() {
        return List.copyOf(memories.values());
    }
}
