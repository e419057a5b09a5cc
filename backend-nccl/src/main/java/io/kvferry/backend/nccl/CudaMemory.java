package io.kvferry.backend.nccl;

import io.kvferry.backend.nccl.adapter.CudaAdapter;
import io.kvferry.backend.nccl.adapter.NcclAdapter;
import io.kvferry.backend.nccl.adapter.NcclLibrary;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.DeviceMemory;
import io.kvferry.spi.MemoryKind;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

/** Memory of the backend's GPU: allocated, copied, freed. Thread-safe. */
final class CudaMemory implements DeviceMemory {
    private final CudaAdapter cuda;
    private final NcclAdapter nccl;
    private final CopyThread copies;
    private final Settings settings;
    private final BackendEnvironment environment;
    /** What is allocated, and how it is freed. */
    private final Map<MemoryRegion, Runnable> allocated = new ConcurrentHashMap<>();

    CudaMemory(NcclLibrary library, CopyThread copies, Settings settings, BackendEnvironment environment) {
        this.cuda = library.cuda();
        this.nccl = library.nccl();
        this.copies = copies;
        this.settings = settings;
        this.environment = environment;
    }

    @Override
    public MemoryKind kind() {
        return MemoryKind.CUDA;
    }

    @Override
    public int device() {
        return settings.device();
    }

    /** Refuses what this engine cannot move. NCCL does not look: a kernel that faults takes the whole device down with it. */
    void requireMovable(MemoryRegion region, Deadline deadline) {
        if (region.kind() != MemoryKind.CUDA) {
            throw new TransferException(
                    TransferErrorCode.UNSUPPORTED,
                    Stage.REGISTER,
                    "nccl moves CUDA memory, not " + region.kind()
                            + "; set kvferry.staging = pinned to have it copied");
        }
        if (region.device() != settings.device()) {
            throw invalid(
                    region + " is not on the GPU of this engine, " + NcclConfigKeys.DEVICE + "=" + settings.device());
        }
        boolean inside = copies.call(
                deadline,
                Stage.REGISTER,
                "asking what " + region + " is",
                () -> isOnDevice(region.address()) && isOnDevice(region.address() + region.sizeBytes() - 1));
        if (!inside) {
            throw invalid(region + " is not memory of that device");
        }
    }

    private boolean isOnDevice(long address) {
        return cuda.deviceOf(address) == settings.device();
    }

    @Override
    public MemoryRegion allocate(int device, long sizeBytes) {
        requireSize(sizeBytes);
        if (device != settings.device()) {
            throw invalid("device=" + device + " is not the one of this engine, " + NcclConfigKeys.DEVICE + "="
                    + settings.device());
        }
        return copies.call(soon(), Stage.REGISTER, "allocating " + sizeBytes + " bytes of the device", () -> {
            long address = settings.zeroCopy() ? nccl.allocate(sizeBytes) : cuda.allocate(sizeBytes);
            MemoryRegion region = MemoryRegion.cuda(device, address, sizeBytes);
            allocated.put(region, () -> freeDevice(address));
            return region;
        });
    }

    private void freeDevice(long address) {
        if (settings.zeroCopy()) {
            nccl.free(address);
        } else {
            cuda.free(address);
        }
    }

    @Override
    public MemoryRegion allocatePinned(long sizeBytes) {
        requireSize(sizeBytes);
        return copies.call(soon(), Stage.REGISTER, "locking " + sizeBytes + " bytes", () -> {
            long address = cuda.allocatePinned(sizeBytes);
            MemoryRegion region = PinnedMemory.region(address, sizeBytes);
            allocated.put(region, () -> cuda.freePinned(address));
            return region;
        });
    }

    private static void requireSize(long sizeBytes) {
        if (sizeBytes < 1) {
            throw invalid("cannot allocate " + sizeBytes + " bytes");
        }
    }

    private static TransferException invalid(String detail) {
        return new TransferException(TransferErrorCode.INVALID_REQUEST, Stage.REGISTER, detail);
    }

    private Deadline soon() {
        return Deadline.after(settings.memoryTimeout(), environment.ticker());
    }

    @Override
    public void free(MemoryRegion region) {
        Runnable release = allocated.remove(region);
        if (release != null) {
            copies.call(soon(), Stage.CLOSE, "freeing " + region, () -> {
                release.run();
                return true;
            });
        }
    }

    @Override
    public void copy(
            MemoryRegion source,
            long sourceOffset,
            MemoryRegion destination,
            long destinationOffset,
            long lengthBytes,
            Deadline deadline) {
        check(source, sourceOffset, lengthBytes);
        check(destination, destinationOffset, lengthBytes);
        copies.copy(destination.address() + destinationOffset, source.address() + sourceOffset, lengthBytes, deadline);
    }

    @Override
    public CompletableFuture<Void> barrier() {
        return copies.barrier();
    }

    private static void check(MemoryRegion region, long offset, long bytes) {
        if (offset < 0 || bytes < 1 || bytes > region.sizeBytes() || offset > region.sizeBytes() - bytes) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.TRANSFER,
                    "bytes [" + offset + " +" + bytes + "] are not inside " + region);
        }
    }

    /** What nobody has freed; it stays until the process ends, because a quarantined transfer may still touch it. */
    List<String> left() {
        return allocated.keySet().stream()
                .map(region -> "memory " + region + " was never freed")
                .toList();
    }
}
