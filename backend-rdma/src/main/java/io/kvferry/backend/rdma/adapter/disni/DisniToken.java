package io.kvferry.backend.rdma.adapter.disni;

import java.nio.ByteBuffer;
import java.security.SecureRandom;

/**
 * By which a target knows the initiator's half when it comes over the network: agreed over peer control, and the first
 * message of the connection. 128 random bits. Immutable.
 *
 * @param high of it
 * @param low of it
 */
record DisniToken(long high, long low) {
    static final int BYTES = 2 * Long.BYTES;

    private static final SecureRandom RANDOM = new SecureRandom();

    static DisniToken random() {
        return new DisniToken(RANDOM.nextLong(), RANDOM.nextLong());
    }

    static DisniToken get(ByteBuffer in) {
        return new DisniToken(in.getLong(), in.getLong());
    }

    ByteBuffer put(ByteBuffer out) {
        return out.putLong(high).putLong(low);
    }

    byte[] bytes() {
        return put(ByteBuffer.allocate(BYTES)).array();
    }

    @Override
    public String toString() {
        return "DisniToken"; // a secret
    }
}
