package ${package};

import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;

/** A registered region. STEP 2: keep here what your library gave for it, and give it back in deregister. Immutable. */
record ${classPrefix}Memory(MemoryRegion region) implements MemoryHandle {
    @Override
    public void deregister(Deadline deadline) {
        // copying inside this JVM needs no registration
    }
}
