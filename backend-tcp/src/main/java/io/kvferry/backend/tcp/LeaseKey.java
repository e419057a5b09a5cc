package io.kvferry.backend.tcp;

import java.security.SecureRandom;

/** What opens one accepted transfer on its target. Holds a secret: never logged. Immutable. */
record LeaseKey(long slot, long high, long low, long epoch) {
    private static final SecureRandom RANDOM = new SecureRandom();

    static LeaseKey random(long slot, long epoch) {
        return new LeaseKey(slot, RANDOM.nextLong(), RANDOM.nextLong(), epoch);
    }

    static long randomInstance() {
        return RANDOM.nextLong();
    }

    /** Compares in constant time. */
    boolean opens(FrameHeader header) {
        return ((high ^ header.keyHigh) | (low ^ header.keyLow)) == 0;
    }

    @Override
    public String toString() {
        return "LeaseKey[slot=" + Long.toHexString(slot) + ", epoch=" + epoch + "]";
    }
}
