package io.kvferry.backend.inprocess;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.zip.CRC32C;

/** CRC32C over memory of any size without making an object per slice. Confined to the worker. */
final class Checksum {
    /** Fits the first-level cache. */
    private final byte[] window = new byte[16 << 10];

    private final CRC32C crc = new CRC32C();

    long of(MemorySegment segment, long offset, long bytes) {
        crc.reset();
        for (long done = 0; done < bytes; ) {
            int step = (int) Math.min(window.length, bytes - done);
            MemorySegment.copy(segment, ValueLayout.JAVA_BYTE, offset + done, window, 0, step);
            crc.update(window, 0, step);
            done += step;
        }
        return crc.getValue();
    }
}
