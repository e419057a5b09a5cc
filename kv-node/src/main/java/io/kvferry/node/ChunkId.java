package io.kvferry.node;

import java.util.Arrays;
import java.util.HexFormat;

/** One chunk key as a key of maps. Immutable. */
final class ChunkId {
    private static final int SHOWN = 8;

    private final byte[] bytes;

    /** Takes the array over. */
    ChunkId(byte[] bytes) {
        this.bytes = bytes;
    }

    byte[] bytes() {
        return bytes.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ChunkId that && Arrays.equals(that.bytes, bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    @Override
    public String toString() {
        return HexFormat.of().formatHex(bytes, 0, Math.min(SHOWN, bytes.length));
    }
}
