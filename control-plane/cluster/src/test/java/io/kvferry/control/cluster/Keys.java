package io.kvferry.control.cluster;

import java.nio.ByteBuffer;
import java.util.stream.LongStream;

/** Chunk keys for tests: each is made of one number. */
final class Keys {
    static final KeyScheme SCHEME = new KeyScheme("sha256/test", 32, 256);

    private Keys() {}

    static ChunkKeys of(long... numbers) {
        return ofLength(32, numbers);
    }

    static ChunkKeys ofLength(int keyBytes, long... numbers) {
        ByteBuffer packed = ByteBuffer.allocate(keyBytes * numbers.length);
        for (int i = 0; i < numbers.length; i++) {
            byte[] number = ByteBuffer.allocate(Long.BYTES)
                    .putLong(IndexDigest.mix(numbers[i] + 1))
                    .array();
            packed.put(i * keyBytes, number, 0, Math.min(keyBytes, number.length));
        }
        return ChunkKeys.of(keyBytes, packed.array());
    }

    /** From the first number up to, not including, the end. */
    static ChunkKeys range(long first, long end) {
        return of(LongStream.range(first, end).toArray());
    }
}
