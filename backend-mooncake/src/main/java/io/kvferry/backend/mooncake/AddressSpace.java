package io.kvferry.backend.mooncake;

import io.kvferry.spi.Operation;
import java.security.SecureRandom;
import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListMap;
import org.jspecify.annotations.Nullable;

/**
 * The 64-bit address space that peers see: windows at random places that are never used twice. The wire carries no key, so
 * the place is what a stranger would have to guess. Thread-safe; finding takes no lock.
 */
final class AddressSpace {
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final long PAGE = 4096;
    /** Places are in the lower half, where no arithmetic of anybody wraps, and never at 0. */
    private static final long PLACES = Long.MAX_VALUE / PAGE - 1;

    private final ConcurrentSkipListMap<Long, Window> windows = new ConcurrentSkipListMap<>();

    /** Opens a window on the memory of a transfer. */
    synchronized Window open(WireTransfer transfer, Set<Operation> allowed, boolean once) {
        long size = transfer.blocks().totalBytes();
        long base;
        do {
            base = (1 + RANDOM.nextLong(PLACES)) * PAGE;
        } while (base > Long.MAX_VALUE - size || isTaken(base, size));
        Window window = new Window(base, transfer, allowed, once);
        windows.put(base, window);
        return window;
    }

    private boolean isTaken(long base, long size) {
        Map.Entry<Long, Window> below = windows.floorEntry(base + size - 1);
        return below != null && below.getKey() + below.getValue().size() > base;
    }

    /** The window that allows a request, or null. */
    @Nullable
    Window find(RequestHeader request) {
        Map.Entry<Long, Window> below = windows.floorEntry(request.address());
        return below != null && below.getValue().allows(request) ? below.getValue() : null;
    }

    void close(Window window) {
        windows.remove(window.base(), window);
    }

    Collection<Window> windows() {
        return windows.values();
    }
}
