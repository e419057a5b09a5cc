package io.kvferry.backend.nccl;

import io.kvferry.backend.nccl.adapter.NcclAdapter;
import io.kvferry.backend.nccl.adapter.NcclLibrary;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * The device threads of this process: NCCL wants all calls for one GPU to come from one thread, however many backends use it.
 * Thread-safe.
 */
final class DeviceThreads {
    private record Device(NcclAdapter nccl, int ordinal) {}

    private static final Object LOCK = new Object();
    private static final Map<Device, DeviceThread> RUNNING = new HashMap<>();

    private DeviceThreads() {}

    /**
     * Finds the thread of a GPU, or starts it.
     *
     * @param poll looks whether anything of the caller's has moved; on the thread, until {@link #leave}
     */
    static DeviceThread join(NcclLibrary library, int ordinal, Supplier<DeviceThread.Progress> poll) {
        synchronized (LOCK) {
            DeviceThread thread = RUNNING.computeIfAbsent(
                    new Device(library.nccl(), ordinal),
                    device -> new DeviceThread(
                            "kvferry-nccl-" + ordinal, () -> library.cuda().use(ordinal)));
            thread.add(poll);
            return thread;
        }
    }

    /** Takes back a {@link #join}; completes once the thread looks at nothing of the caller's any more. The last one ends it. */
    static CompletableFuture<Void> leave(DeviceThread thread, Supplier<DeviceThread.Progress> poll) {
        synchronized (LOCK) {
            if (thread.remove(poll)) {
                RUNNING.values().remove(thread);
                return thread.stop();
            }
        }
        return thread.call(() -> null);
    }
}
