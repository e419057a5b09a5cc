package io.kvferry.backend.inprocess;

import java.security.SecureRandom;

/** The secret that opens one lease to one initiator: 128 random bits, never logged. Immutable. */
record LeaseKey(long high, long low) {
    private static final SecureRandom RANDOM = new SecureRandom();

    static LeaseKey random() {
        return new LeaseKey(RANDOM.nextLong(), RANDOM.nextLong());
    }

    /** Compares all bits whatever differs, so that time tells nothing about the key. */
    boolean matches(LeaseKey shown) {
        return ((high ^ shown.high) | (low ^ shown.low)) == 0;
    }

    @Override
    public String toString() {
        return "****";
    }
}
