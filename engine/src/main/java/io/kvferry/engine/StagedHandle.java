package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A region as a staged backend knows it: with the backend's own registration, where the backend can move it. Thread-safe. */
final class StagedHandle implements MemoryHandle {
    private final MemoryRegion region;
    private final @Nullable MemoryHandle seen;

    StagedHandle(MemoryRegion region, @Nullable MemoryHandle seen) {
        this.region = region;
        this.seen = seen;
    }

    @Override
    public MemoryRegion region() {
        return region;
    }

    /** The backend's registration of a region that it moves as it is. */
    MemoryHandle seen() {
        return Objects.requireNonNull(seen, "a region that is copied has no registration");
    }

    /** The backend's registration, or that of the memory it is copied through. */
    MemoryHandle seenOr(MemoryHandle pool) {
        return seen != null ? seen : pool;
    }

    @Override
    public void deregister(Deadline deadline) {
        if (seen != null) {
            seen.deregister(deadline);
        }
    }
}
