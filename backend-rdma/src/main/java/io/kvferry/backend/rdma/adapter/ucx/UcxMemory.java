package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.backend.rdma.adapter.RdmaGrant;
import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.backend.rdma.adapter.SealedBytes;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicBoolean;
import org.openucx.jucx.ucp.UcpMemory;
import org.openucx.jucx.ucp.UcpRequestParams;
import org.openucx.jucx.ucs.UcsConstants;

/** A region that UCX knows. Its key opens the whole region, and over TCP and shared memory any memory. Thread-safe. */
final class UcxMemory implements RdmaMemory, RdmaGrant {
    static final int KEY_MAGIC = 0x55435831;

    private final MemoryRegion region;
    private final UcpMemory memory;
    private final UcxContext context;
    private final byte[] key;
    private final UcpRequestParams parameters;
    private final AtomicBoolean gone = new AtomicBoolean();

    UcxMemory(MemoryRegion region, UcpMemory memory, UcxContext context) {
        this.region = region;
        this.memory = memory;
        this.context = context;
        ByteBuffer packed = memory.getRemoteKeyBuffer();
        this.key = SealedBytes.seal(KEY_MAGIC, packed.duplicate());
        // said on every operation: jucx's own "unknown" is another number in each version of libucp
        this.parameters = new UcpRequestParams()
                .setMemoryType(UcsConstants.MEMORY_TYPE.UCS_MEMORY_TYPE_HOST)
                .setMemoryHandle(memory);
    }

    UcpRequestParams parameters() {
        return parameters;
    }

    @Override
    public MemoryRegion region() {
        return region;
    }

    @Override
    public RdmaGrant grant(long offset, long length, Operation operation) {
        return this;
    }

    @Override
    public byte[] key() {
        return key.clone();
    }

    /** A key of UCX cannot be taken back while the region is registered: isolation is NONE, and connections are the fence. */
    @Override
    public void revoke() {}

    @Override
    public void deregister(Deadline deadline) {
        if (gone.compareAndSet(false, true)) {
            context.deregister(memory);
        }
    }
}
