package io.kvferry.netty;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryKind;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * A region of host memory that channels read into and write from, cut into buffers: a ByteBuffer holds at most 2 GiB and
 * a region has no such bound. Neighbouring buffers overlap by {@link #MAX_SPAN_BYTES}, so that every span lies inside one
 * of them.
 *
 * <p><b>Threads:</b> Immutable. <b>Ownership:</b> as {@link MemoryHandle}.
 *
 * @since 0.1.0
 */
public final class HostMemory implements MemoryHandle {
    /** Longest span that is sure to lie inside one buffer. */
    public static final int MAX_SPAN_BYTES = 16 << 20;

    private static final int CHUNK_SHIFT = 30;
    private static final long CHUNK_BYTES = 1L << CHUNK_SHIFT;

    private final Object owner;
    private final MemoryRegion region;
    private final ByteBuffer[] chunks;

    private HostMemory(Object owner, MemoryRegion region) {
        this.owner = owner;
        this.region = region;
        MemorySegment segment = region.segment();
        long size = segment.byteSize();
        chunks = new ByteBuffer[(int) ((size + CHUNK_BYTES - 1) >>> CHUNK_SHIFT)];
        for (int i = 0; i < chunks.length; i++) {
            long from = (long) i << CHUNK_SHIFT;
            long bytes = Math.min(size - from, CHUNK_BYTES + MAX_SPAN_BYTES);
            chunks[i] = segment.asSlice(from, bytes).asByteBuffer();
        }
    }

    /**
     * Registers a region.
     *
     * @param owner the backend that it is registered with
     * @param backend the name of that backend
     * @param region the memory
     * @return the handle
     * @throws TransferException UNSUPPORTED for memory that is not the host's
     */
    public static HostMemory register(Object owner, String backend, MemoryRegion region) {
        if (region.kind() != MemoryKind.HOST) {
            throw new TransferException(
                    TransferErrorCode.UNSUPPORTED,
                    Stage.REGISTER,
                    backend + " moves HOST memory, not " + region.kind()
                            + "; set kvferry.staging=pinned or choose another backend");
        }
        return new HostMemory(owner, region);
    }

    /**
     * Takes the memories out of a plan.
     *
     * @param owner the backend that must have registered them
     * @param backend the name of that backend
     * @param blocks the plan's blocks
     * @param handles the plan's handles
     * @return the memory of each of {@code blocks.regions()}, in that order
     * @throws TransferException MEMORY_NOT_REGISTERED
     */
    @SuppressWarnings("ReferenceEquality") // the very backend, not an equal one
    public static List<HostMemory> of(Object owner, String backend, BlockList blocks, List<MemoryHandle> handles) {
        if (handles.size() != blocks.regions().size()) {
            throw unregistered(
                    handles.size() + " handles for " + blocks.regions().size() + " regions");
        }
        List<HostMemory> memories = new ArrayList<>(handles.size());
        for (int i = 0; i < handles.size(); i++) {
            if (!(handles.get(i) instanceof HostMemory memory) || memory.owner != owner) {
                throw unregistered(blocks.regions().get(i) + " is not registered with this " + backend + " backend");
            }
            memories.add(memory);
        }
        return memories;
    }

    private static TransferException unregistered(String detail) {
        return new TransferException(TransferErrorCode.MEMORY_NOT_REGISTERED, Stage.PREPARE, detail);
    }

    /**
     * Returns the address of the region.
     *
     * @return an unsigned 64-bit address
     */
    public long address() {
        return region.address();
    }

    /**
     * Returns the buffer that holds a span from an offset on. Shared: use absolute positions only.
     *
     * @param offset bytes from the region's start
     * @return the buffer; {@link #inChunk} says where in it
     */
    public ByteBuffer chunk(long offset) {
        return chunks[(int) (offset >>> CHUNK_SHIFT)];
    }

    /**
     * Returns where an offset is in its {@link #chunk}.
     *
     * @param offset bytes from the region's start
     * @return a position in the buffer
     */
    public static int inChunk(long offset) {
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
