package io.kvferry.control.cluster;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;

/**
 * All that one node holds, at one moment: its keys by tier.
 *
 * <p><b>Threads:</b> Confined to the thread that collects, then immutable.
 */
final class HeldChunks {
    private final int keyBytes;
    private final int words;
    private final Map<Tier, byte[]> packed = new EnumMap<>(Tier.class);
    private final Map<Tier, Integer> used = new EnumMap<>(Tier.class);
    private final ByteBuffer key;

    HeldChunks(int keyBytes) {
        this.keyBytes = keyBytes;
        this.words = ChunkKeys.words(keyBytes);
        this.key = ByteBuffer.allocate(words * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    }

    void add(long[] source, int from, int tierBits) {
        for (int word = 0; word < words; word++) {
            key.putLong(word * Long.BYTES, source[from + word]);
        }
        for (Tier tier : Tier.values()) {
            if ((tierBits & tier.bit()) != 0) {
                append(tier);
            }
        }
    }

    private void append(Tier tier) {
        byte[] bytes = packed.getOrDefault(tier, new byte[0]);
        int at = used.getOrDefault(tier, 0);
        if (at + keyBytes > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(64 * keyBytes, Math.multiplyExact(bytes.length, 2)));
            packed.put(tier, bytes);
        }
        key.get(0, bytes, at, keyBytes);
        used.put(tier, at + keyBytes);
    }

    /** The keys held in a tier. */
    ChunkKeys in(Tier tier) {
        byte[] bytes = packed.get(tier);
        return bytes == null
                ? ChunkKeys.none(keyBytes)
                : ChunkKeys.owning(keyBytes, bytes).slice(0, used.getOrDefault(tier, 0) / keyBytes);
    }
}
