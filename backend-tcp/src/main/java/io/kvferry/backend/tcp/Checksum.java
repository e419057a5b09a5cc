package io.kvferry.backend.tcp;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/** A running CRC32C over spans of memory, without an object per span. Confined to one event loop. */
final class Checksum {
    private final CRC32C crc = new CRC32C();
    private @Nullable ByteBuffer lastChunk;
    private @Nullable ByteBuffer view;

    void reset() {
        crc.reset();
    }

    /**
     * Adds bytes.
     *
     * @param chunk shared with other threads, so only a view of our own is moved
     */
    @SuppressWarnings("ReferenceEquality") // the very buffer, not one with the same bytes
    void update(ByteBuffer chunk, int at, int length) {
        ByteBuffer mine = view;
        if (mine == null || chunk != lastChunk) {
            mine = chunk.duplicate();
            view = mine;
            lastChunk = chunk;
        }
        crc.update(mine.limit(at + length).position(at));
    }

    int value() {
        return (int) crc.getValue();
    }
}
