package io.kvferry.backend.rdma.adapter.disni;

import com.ibm.disni.verbs.IbvMr;
import io.kvferry.backend.rdma.adapter.RdmaGrant;
import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/** A registered region. All grants are the region's own keys, which stay good until it is deregistered. Thread-safe. */
final class DisniMemory implements RdmaMemory, RdmaGrant {
    private static final int ACCESS =
            IbvMr.IBV_ACCESS_LOCAL_WRITE | IbvMr.IBV_ACCESS_REMOTE_WRITE | IbvMr.IBV_ACCESS_REMOTE_READ;

    private final MemoryRegion region;
    private final List<IbvMr> registrations = new ArrayList<>();
    private final DisniPieces localKeys;
    private final byte[] key;
    private final AtomicBoolean registered = new AtomicBoolean(true);

    /**
     * Registers a region, piece by piece.
     *
     * @throws TransferException RESOURCE_EXHAUSTED where no more may be locked, or the keys do not fit into a grant
     */
    DisniMemory(DisniDevice device, MemoryRegion region) {
        this.region = region;
        long base = region.address();
        long bytes = region.sizeBytes();
        requireFewPieces(bytes);
        try {
            for (long at = 0; at < bytes; at += DisniPieces.BYTES) {
                registrations.add(device.register(base + at, (int) Math.min(DisniPieces.BYTES, bytes - at), ACCESS));
            }
        } catch (RuntimeException e) {
            registrations.forEach(DisniDevice::deregister);
            throw e;
        }
        this.localKeys = new DisniPieces(
                base, registrations.stream().mapToInt(IbvMr::getLkey).toArray());
        this.key = DisniRemoteKey.encode(new DisniPieces(
                base, registrations.stream().mapToInt(IbvMr::getRkey).toArray()));
    }

    private static void requireFewPieces(long bytes) {
        long most = DisniRemoteKey.MAX_PIECES * DisniPieces.BYTES;
        if (bytes > most) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.REGISTER,
                    "region of " + bytes + " bytes > " + most
                            + " bytes, the most by DiSNI; split it, or set kvferry.rdma.provider=verbs");
        }
    }

    @Override
    public MemoryRegion region() {
        return region;
    }

    DisniPieces localKeys() {
        return localKeys;
    }

    @Override
    public RdmaGrant grant(long offset, long length, Operation operation) {
        return this;
    }

    @Override
    public byte[] key() {
        return key.clone();
    }

    @Override
    public void revoke() {
        // the keys are the region's and stay good: the backend fences the connection
    }

    @Override
    public void deregister(Deadline deadline) {
        if (registered.compareAndSet(true, false)) {
            registrations.forEach(DisniDevice::deregister);
        }
    }
}
