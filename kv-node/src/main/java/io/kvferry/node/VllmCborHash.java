package io.kvferry.node;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * The keys that vLLM calls {@code sha256_cbor}: SHA-256 over the canonical CBOR of {@code [parent, [token, …], null]}, with
 * the hash of the seed's text, the value of PYTHONHASHSEED, before the first chunk.
 *
 * <p><b>Threads:</b> Immutable.
 */
record VllmCborHash(String seed) implements ChunkHash {
    private static final int BYTE_STRING = 2;
    private static final int TEXT = 3;
    private static final int ARRAY = 4;
    private static final byte NULL = (byte) 0xf6;
    /** A head and the longest argument that an int needs. */
    private static final int MAX_HEAD = 5;

    @Override
    public String name() {
        return "vllm-sha256-cbor";
    }

    @Override
    public int keyBytes() {
        return Sha256.BYTES;
    }

    @Override
    public byte[] root() {
        byte[] text = seed.getBytes(StandardCharsets.UTF_8);
        ByteBuffer cbor = ByteBuffer.allocate(MAX_HEAD + text.length);
        head(cbor, TEXT, text.length);
        return digest(cbor.put(text));
    }

    @Override
    public byte[] next(byte[] parent, int[] tokens, int from, int to) {
        ByteBuffer cbor = ByteBuffer.allocate(3 * MAX_HEAD + parent.length + (to - from) * MAX_HEAD + 1);
        head(cbor, ARRAY, 3);
        head(cbor, BYTE_STRING, parent.length);
        cbor.put(parent);
        head(cbor, ARRAY, to - from);
        for (int i = from; i < to; i++) {
            head(cbor, 0, tokens[i]);
        }
        return digest(cbor.put(NULL));
    }

    private static byte[] digest(ByteBuffer cbor) {
        var sha256 = Sha256.digest();
        sha256.update(cbor.flip());
        return sha256.digest();
    }

    /** Major type and argument, in as few bytes as they fit. */
    private static void head(ByteBuffer cbor, int major, int argument) {
        int type = major << 5;
        if (argument < 24) {
            cbor.put((byte) (type | argument));
        } else if (argument < 1 << 8) {
            cbor.put((byte) (type | 24)).put((byte) argument);
        } else if (argument < 1 << 16) {
            cbor.put((byte) (type | 25)).putShort((short) argument);
        } else {
            cbor.put((byte) (type | 26)).putInt(argument);
        }
    }
}
