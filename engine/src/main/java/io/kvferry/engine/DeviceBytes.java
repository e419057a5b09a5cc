package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.DeviceMemory;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Reads and writes device memory from wherever the application's bytes are, heap included. Confined to its caller. */
final class DeviceBytes {
    private static final long WINDOW_BYTES = 1 << 20;

    private final DeviceMemory port;
    private final MemoryRegion device;

    private interface Step {
        void move(MemoryRegion window, long done, long bytes);
    }

    DeviceBytes(DeviceMemory port, MemoryRegion device) {
        this.port = port;
        this.device = device;
    }

    void write(long offset, MemorySegment source, Deadline deadline) {
        inWindows(source.byteSize(), (window, done, bytes) -> {
            MemorySegment.copy(source, done, window.segment(), 0, bytes);
            port.copy(window, 0, device, offset + done, bytes, deadline);
        });
    }

    void read(long offset, MemorySegment destination, Deadline deadline) {
        inWindows(destination.byteSize(), (window, done, bytes) -> {
            port.copy(device, offset + done, window, 0, bytes, deadline);
            MemorySegment.copy(window.segment(), 0, destination, done, bytes);
        });
    }

    private void inWindows(long bytes, Step step) {
        Arena arena = Arena.ofShared();
        boolean left = false;
        try {
            MemoryRegion window = MemoryRegion.host(arena.allocate(Math.clamp(bytes, 1, WINDOW_BYTES)));
            for (long done = 0; done < bytes; done += WINDOW_BYTES) {
                step.move(window, done, Math.min(WINDOW_BYTES, bytes - done));
            }
        } catch (TransferException e) {
            left = e.code() == TransferErrorCode.DEADLINE_EXCEEDED || e.code() == TransferErrorCode.CANCELLED;
            throw e;
        } finally {
            if (left) {
                // a copy that came too late may still run, and keeps its window until it has ended
                var ignored = port.barrier().thenRun(arena::close);
            } else {
                arena.close();
            }
        }
    }
}
