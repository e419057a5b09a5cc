package io.kvferry.backend.rdma.adapter.verbs;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.kvferry.backend.rdma.adapter.posix.LockedMemory;
import io.kvferry.backend.rdma.adapter.posix.Posix;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.MemorySegment;

/**
 * Memory that the device may reach, until closed: from then on it cannot, whoever asks. The pages stay locked in between.
 * Immutable but for {@link #close}, which the owner calls once.
 */
@SuppressWarnings("restricted") // native calls are what this package is for
final class VerbsRegion implements AutoCloseable {
    private final IbVerbs verbs;
    private final MemorySegment handle;
    private final int localKey;
    private final int remoteKey;

    private VerbsRegion(IbVerbs verbs, MemorySegment handle) {
        this.verbs = verbs;
        this.handle = handle;
        this.localKey = handle.get(JAVA_INT, Abi.MR_LKEY);
        this.remoteKey = handle.get(JAVA_INT, Abi.MR_RKEY);
    }

    /**
     * Registers memory: locks its pages and tells the device of them.
     *
     * @param access {@code Abi.ACCESS_…}
     * @throws TransferException RESOURCE_EXHAUSTED where no more may be locked, with the limit and how to raise it
     */
    static VerbsRegion register(VerbsDevice device, long address, long bytes, int access) {
        if (Long.compareUnsigned(bytes, device.limits().maxRegionBytes()) > 0) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.REGISTER,
                    "region of " + bytes + " bytes > " + device.limits().maxRegionBytes() + " bytes, the most that "
                            + device.name() + " takes; split it");
        }
        LockedMemory.read().require(address, bytes);
        IbVerbs verbs = device.verbs();
        try {
            MemorySegment handle = verbs.regMr
                    .make(device.protectionDomain(), MemorySegment.ofAddress(address), bytes, access)
                    .reinterpret(Abi.MR_BYTES);
            return new VerbsRegion(verbs, handle);
        } catch (NativeFailure e) {
            throw e.as(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.REGISTER,
                    bytes + " bytes on " + device.name()
                            + (e.errno() == Posix.ENOMEM
                                    ? ": " + LockedMemory.read().explain()
                                    : ""));
        }
    }

    int localKey() {
        return localKey;
    }

    int remoteKey() {
        return remoteKey;
    }

    @Override
    public void close() {
        verbs.deregMr.call("", handle);
    }
}
