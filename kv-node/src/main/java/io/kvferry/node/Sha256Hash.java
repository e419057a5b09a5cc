package io.kvferry.node;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;

/**
 * KVFerry's own keys: SHA-256 over fixed bytes, so that any program can make them.
 *
 * <p>All integers are 4 bytes, little-endian. Root: the 19 ASCII bytes {@code kvferry-chunk-key-1} and a zero byte, tokens
 * in a chunk, length of the salt, the salt in UTF-8. Key: the 32 bytes of the key before (of the root for the first chunk),
 * then the chunk's tokens. The salt tells models and layouts apart.
 *
 * <p><b>Threads:</b> Immutable.
 */
record Sha256Hash(int chunkTokens, String salt) implements ChunkHash {
    private static final byte[] DOMAIN = "kvferry-chunk-key-1\0".getBytes(StandardCharsets.US_ASCII);

    @Override
    public String name() {
        return "sha256";
    }

    @Override
    public int keyBytes() {
        return Sha256.BYTES;
    }

    @Override
    public byte[] root() {
        byte[] text = salt.getBytes(StandardCharsets.UTF_8);
        ByteBuffer bytes = littleEndian(DOMAIN.length + 2 * Integer.BYTES + text.length);
        bytes.put(DOMAIN).putInt(chunkTokens).putInt(text.length).put(text);
        MessageDigest digest = Sha256.digest();
        digest.update(bytes.flip());
        return digest.digest();
    }

    @Override
    public byte[] next(byte[] parent, int[] tokens, int from, int to) {
        MessageDigest digest = Sha256.digest();
        digest.update(parent);
        ByteBuffer bytes = littleEndian((to - from) * Integer.BYTES);
        bytes.asIntBuffer().put(tokens, from, to - from);
        digest.update(bytes);
        return digest.digest();
    }

    private static ByteBuffer littleEndian(int length) {
        return ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    }
}
