package io.kvferry.spi;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A contiguous range of memory, on the host or on a device, that transfers read from and write to.
 *
 * <p>Two regions are equal when kind, device, address and size are.
 *
 * <p><b>Threads:</b> Immutable; the bytes behind it are not. <b>Ownership:</b> a region describes memory and owns none;
 * whoever allocated it keeps it mapped until its last {@link MemoryHandle} is deregistered.
 *
 * @since 0.1.0
 */
public final class MemoryRegion {
    private final MemoryKind kind;
    private final int device;
    private final long address;
    private final long sizeBytes;
    private final @Nullable MemorySegment segment;

    private MemoryRegion(MemoryKind kind, int device, long address, long sizeBytes, @Nullable MemorySegment segment) {
        this.kind = kind;
        this.device = device;
        this.address = address;
        this.sizeBytes = sizeBytes;
        this.segment = segment;
    }

    /**
     * Describes host memory.
     *
     * @param segment a native segment of at least one byte that any thread may access
     * @return the region over the whole segment
     * @throws TransferException INVALID_REQUEST for a heap segment, an empty one, a read-only one or one confined to a
     *     thread
     */
    public static MemoryRegion host(MemorySegment segment) {
        if (!segment.isNative()) {
            throw invalid("a heap segment can move under a transfer; allocate it from an Arena or the engine");
        }
        if (segment.byteSize() == 0) {
            throw invalid("an empty segment holds no blocks");
        }
        if (segment.isReadOnly()) {
            throw invalid("a read-only segment cannot be registered; pass the writable one it was made from");
        }
        if (!segment.isAccessibleBy(Thread.ofPlatform().unstarted(() -> {}))) {
            throw invalid("a segment confined to one thread cannot be used by a backend; use Arena.ofShared()");
        }
        return new MemoryRegion(MemoryKind.HOST, -1, segment.address(), segment.byteSize(), segment);
    }

    /**
     * Describes memory of an NVIDIA GPU.
     *
     * @param device the CUDA ordinal, from 0
     * @param address the device address
     * @param sizeBytes the size, at least 1
     * @return the region
     * @throws TransferException INVALID_REQUEST for a negative ordinal, a null address or a size below 1
     */
    public static MemoryRegion cuda(int device, long address, long sizeBytes) {
        if (device < 0 || address == 0 || sizeBytes < 1) {
            throw invalid("no such device memory: device=" + device + " address=" + address + " size=" + sizeBytes);
        }
        return new MemoryRegion(MemoryKind.CUDA, device, address, sizeBytes, null);
    }

    private static TransferException invalid(String detail) {
        return new TransferException(TransferErrorCode.INVALID_REQUEST, Stage.REGISTER, detail);
    }

    /**
     * Returns what kind of memory this is.
     *
     * @return the kind
     */
    public MemoryKind kind() {
        return kind;
    }

    /**
     * Returns the device ordinal.
     *
     * @return the ordinal, or -1 for host memory
     */
    public int device() {
        return device;
    }

    /**
     * Returns the address of the first byte.
     *
     * @return an unsigned 64-bit address
     */
    public long address() {
        return address;
    }

    /**
     * Returns the size.
     *
     * @return bytes, at least 1
     */
    public long sizeBytes() {
        return sizeBytes;
    }

    /**
     * Returns the segment behind host memory.
     *
     * @return the segment given to {@link #host}
     * @throws TransferException UNSUPPORTED for device memory
     */
    public MemorySegment segment() {
        if (segment == null) {
            throw new TransferException(
                    TransferErrorCode.UNSUPPORTED, Stage.REGISTER, kind + " memory has no segment the CPU could touch");
        }
        return segment;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof MemoryRegion that
                && that.kind == kind
                && that.device == device
                && that.address == address
                && that.sizeBytes == sizeBytes;
    }

    @Override
    public int hashCode() {
        // regions are looked up for every transfer, so no array as Objects.hash would make
        return (int) (31 * (31 * (address ^ address >>> 32) + (sizeBytes ^ sizeBytes >>> 32)) + device);
    }

    @Override
    public String toString() {
        return kind + (device < 0 ? "" : ":" + device) + "[0x" + Long.toHexString(address) + " +" + sizeBytes + "]";
    }
}
