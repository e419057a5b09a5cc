package io.kvferry.node;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** SipHash with one round for each word and three at the end. */
final class SipHash13 {
    private long v0;
    private long v1;
    private long v2;
    private long v3;

    private SipHash13(long key0, long key1) {
        v0 = key0 ^ 0x736f6d6570736575L;
        v1 = key1 ^ 0x646f72616e646f6dL;
        v2 = key0 ^ 0x6c7967656e657261L;
        v3 = key1 ^ 0x7465646279746573L;
    }

    static long hash(long key0, long key1, byte[] message) {
        SipHash13 state = new SipHash13(key0, key1);
        // whole words; the last one is filled with zeros and has the length in its top byte
        ByteBuffer words = ByteBuffer.allocate((message.length / Long.BYTES + 1) * Long.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(message);
        words.put(words.capacity() - 1, (byte) message.length).rewind();
        while (words.hasRemaining()) {
            state.absorb(words.getLong());
        }
        return state.finish();
    }

    private void absorb(long word) {
        v3 ^= word;
        round();
        v0 ^= word;
    }

    private long finish() {
        v2 ^= 0xff;
        round();
        round();
        round();
        return v0 ^ v1 ^ v2 ^ v3;
    }

    private void round() {
        v0 += v1;
        v1 = Long.rotateLeft(v1, 13) ^ v0;
        v0 = Long.rotateLeft(v0, 32);
        v2 += v3;
        v3 = Long.rotateLeft(v3, 16) ^ v2;
        v0 += v3;
        v3 = Long.rotateLeft(v3, 21) ^ v0;
        v2 += v1;
        v1 = Long.rotateLeft(v1, 17) ^ v2;
        v2 = Long.rotateLeft(v2, 32);
    }
}
