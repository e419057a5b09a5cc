package io.kvferry.backend.tcp;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/**
 * A registered region, cut into buffers: a ByteBuffer holds at most 2 GiB and a region has no such bound. Neighbouring
 * buffers overlap by one frame, so that every frame lies inside one of them. Immutable.
 */
final class TcpMemory implements MemoryHandle {
    private static final int CHUNK_SHIFT = 30;
    private static final long CHUNK_BYTES = 1L << CHUNK_SHIFT;

    private final TcpBackend owner;
    private final MemoryRegion region;
    private final ByteBuffer[] chunks;

    TcpMemory(TcpBackend owner, MemoryRegion region) {
        this.owner = owner;
        this.region = region;
        MemorySegment segment = region.segment();
        long size = segment.byteSize();
        chunks = new ByteBuffer[(int) ((size + CHUNK_BYTES - 1) >>> CHUNK_SHIFT)];
        for (int i = 0; i < chunks.length; i++) {
            long from = (long) i << CHUNK_SHIFT;
            long bytes = Math.min(size - from, CHUNK_BYTES + FrameHeader.MAX_PAYLOAD_BYTES);
            chunks[i] = segment.asSlice(from, bytes).asByteBuffer();
        }
    }

    boolean belongsTo(TcpBackend backend) {
        return owner == backend;
    }

    long address() {
        return region.address();
    }

    /** The buffer that holds a frame's worth of bytes from {@code offset} on. Shared: use absolute positions only. */
    ByteBuffer chunk(long offset) {
        return chunks[(int) (offset >>> CHUNK_SHIFT)];
    }

    /** Where {@code offset} is in its {@link #chunk}. */
    static int inChunk(long offset) {
        return (int) (offset & CHUNK_BYTES - 1);
    }

    @Override
    public MemoryRegion region() {
        return region;
    }

    /** Nothing was registered with anybody, so there is nothing to take back. */
    @Override
    public void deregister(Deadline deadline) {}
}
