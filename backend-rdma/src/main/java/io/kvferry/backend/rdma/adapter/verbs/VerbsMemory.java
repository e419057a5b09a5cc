package io.kvferry.backend.rdma.adapter.verbs;

import io.kvferry.backend.rdma.adapter.RdmaGrant;
import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A registered region. With isolation REGION all grants are the region's own key; with LEASE the region itself is closed
 * to peers, and each grant is a registration of its own.
 */
final class VerbsMemory implements RdmaMemory {
    private final VerbsDevice device;
    private final MemoryRegion region;
    private final Isolation isolation;
    private final VerbsRegion registration;
    private final AtomicBoolean registered = new AtomicBoolean(true);

    VerbsMemory(VerbsDevice device, MemoryRegion region, Isolation isolation) {
        this.device = device;
        this.region = region;
        this.isolation = isolation;
        int access = isolation == Isolation.LEASE
                ? Abi.ACCESS_LOCAL_WRITE
                : Abi.ACCESS_LOCAL_WRITE | Abi.ACCESS_REMOTE_WRITE | Abi.ACCESS_REMOTE_READ;
        this.registration = VerbsRegion.register(device, region.address(), region.sizeBytes(), access);
    }

    @Override
    public MemoryRegion region() {
        return region;
    }

    int localKey() {
        return registration.localKey();
    }

    @Override
    public RdmaGrant grant(long offset, long length, Operation operation) {
        if (isolation != Isolation.LEASE) {
            return new RegionGrant(registration.remoteKey());
        }
        int access = operation == Operation.WRITE
                ? Abi.ACCESS_LOCAL_WRITE | Abi.ACCESS_REMOTE_WRITE
                : Abi.ACCESS_REMOTE_READ;
        return new LeaseGrant(VerbsRegion.register(device, region.address() + offset, length, access));
    }

    @Override
    public void deregister(Deadline deadline) {
        if (registered.compareAndSet(true, false)) {
            registration.close();
        }
    }

    /** The region's own key. */
    private record RegionGrant(int remoteKey) implements RdmaGrant {
        @Override
        public byte[] key() {
            return VerbsRemoteKey.encode(remoteKey);
        }

        @Override
        public void revoke() {
            // the key is the region's and stays good: the backend fences the connection
        }
    }

    /** A registration of what one lease names. */
    private static final class LeaseGrant implements RdmaGrant {
        private final VerbsRegion registration;
        private final AtomicBoolean granted = new AtomicBoolean(true);

        LeaseGrant(VerbsRegion registration) {
            this.registration = registration;
        }

        @Override
        public byte[] key() {
            return VerbsRemoteKey.encode(registration.remoteKey());
        }

        @Override
        public void revoke() {
            if (granted.compareAndSet(true, false)) {
                registration.close();
            }
        }
    }
}
