package io.kvferry.node;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * The keys that LMCache and vLLM make with Python's own {@code hash((parent, tokens, None))}, as CPython 3.12 and later
 * compute it. Older ones hash None by its address, so that no two processes agree.
 *
 * <p>A key is the signed 64-bit hash, big-endian. Before the first chunk stands the hash of the seed's text.
 *
 * <p><b>Threads:</b> Immutable.
 */
record CpythonHash(String seed) implements ChunkHash {
    private static final long NONE_HASH = 0xFCA86420L;
    private static final long MERSENNE_61 = (1L << 61) - 1;
    /** Of xxHash, as CPython's tuples use them. */
    private static final long PRIME_1 = 0x9E3779B185EBCA87L;

    private static final long PRIME_2 = 0xC2B2AE3D27D4EB4FL;
    private static final long PRIME_5 = 0x27D4EB2F165667C5L;
    private static final long MAX_SEED = 0xFFFF_FFFFL;

    CpythonHash {
        if (!seed.matches("[0-9]{1,10}") || Long.parseLong(seed) > MAX_SEED) {
            throw new IllegalArgumentException("PYTHONHASHSEED is a number from 0 to 4294967295, not '" + seed + "'");
        }
    }

    @Override
    public String name() {
        return "cpython312";
    }

    @Override
    public int keyBytes() {
        return Long.BYTES;
    }

    @Override
    public byte[] root() {
        return bytes(textHash(seed));
    }

    @Override
    public byte[] next(byte[] parent, int[] tokens, int from, int to) {
        Tuple chunk = new Tuple();
        for (int i = from; i < to; i++) {
            chunk.add(intHash(tokens[i]));
        }
        Tuple key = new Tuple();
        key.add(intHash(ByteBuffer.wrap(parent).getLong()));
        key.add(chunk.hash());
        key.add(NONE_HASH);
        return bytes(key.hash());
    }

    private static byte[] bytes(long hash) {
        return ByteBuffer.allocate(Long.BYTES).putLong(hash).array();
    }

    /** A number's hash is its remainder, with its sign; -1 means failure in C, so it is -2. */
    private static long intHash(long value) {
        // for MIN_VALUE abs() is 2^63 as an unsigned number, and so it is taken
        long rest = Long.remainderUnsigned(Math.abs(value), MERSENNE_61);
        long hash = value < 0 ? -rest : rest;
        return hash == -1 ? -2 : hash;
    }

    /** The running hash of a tuple. */
    private static final class Tuple {
        private long lane = PRIME_5;
        private long length;

        void add(long elementHash) {
            lane = Long.rotateLeft(lane + elementHash * PRIME_2, 31) * PRIME_1;
            length++;
        }

        long hash() {
            long hash = lane + (length ^ PRIME_5 ^ 3527539L);
            return hash == -1 ? 1546275796L : hash;
        }
    }

    /** The hash of a text of ASCII digits: SipHash-1-3 under the key that CPython derives from the seed. */
    private long textHash(String text) {
        ByteBuffer secret = ByteBuffer.wrap(secret()).order(ByteOrder.LITTLE_ENDIAN);
        long hash = SipHash13.hash(secret.getLong(), secret.getLong(), text.getBytes(StandardCharsets.US_ASCII));
        return hash == -1 ? -2 : hash;
    }

    private byte[] secret() {
        byte[] secret = new byte[2 * Long.BYTES];
        int state = (int) Long.parseLong(seed);
        if (state != 0) {
            for (int i = 0; i < secret.length; i++) {
                state = state * 214013 + 2531011;
                secret[i] = (byte) (state >>> 16);
            }
        }
        return secret;
    }
}
