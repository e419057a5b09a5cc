package io.kvferry.backend.tcp;

import io.kvferry.spi.LeaseKey;

/** What opens one accepted transfer on its target: where it is in the table, and its key. Immutable. */
record TcpLease(long slot, LeaseKey key) {
    /** Compares in constant time. */
    boolean opens(FrameHeader header) {
        return key.matches(header.keyHigh, header.keyLow);
    }

    long epoch() {
        return key.epoch();
    }
}
