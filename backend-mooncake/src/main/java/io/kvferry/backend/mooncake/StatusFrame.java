package io.kvferry.backend.mooncake;

/** The 8 bytes that answer an acknowledged request: a magic number and a code, little-endian. */
final class StatusFrame {
    static final int BYTES = 8;
    static final int OK = 0;
    static final int ADDRESS_REJECTED = 1;

    private static final long MAGIC = 0x4D435456L << 32;

    private StatusFrame() {}

    static long of(int code) {
        return MAGIC | code;
    }

    static boolean isStatus(long frame) {
        return (frame & 0xFFFF_FFFF_0000_0000L) == MAGIC;
    }

    static int code(long frame) {
        return (int) frame;
    }
}
