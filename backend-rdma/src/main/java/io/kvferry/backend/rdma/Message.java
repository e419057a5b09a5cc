package io.kvferry.backend.rdma;

import io.kvferry.spi.LeaseKey;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * What two halves of a connection tell each other, in order with the data.
 *
 * @param type what it says
 * @param slot the lease it is about, at its target; 0 where it is about the connection
 * @param key what opens that lease
 * @param first of the blocks it is about; 0 where it is about none
 * @param count how many blocks; 0 where it is about none
 */
record Message(Type type, long slot, LeaseKey key, int first, int count) {
    /** What can be said. Numbers are never used again. */
    enum Type {
        /** The initiator is connected. */
        HELLO(1),
        /** The initiator has nothing in flight for a lease and will not have. */
        DRAINED(2),
        /** The target lets nothing new begin under a lease, and waits for DRAINED. */
        STOP(3),
        /** The sender closes in good order. */
        GOODBYE(4),
        /** Blocks of a lease are applied, which its target cannot see by itself. */
        APPLIED(5);

        private final byte number;

        Type(int number) {
            this.number = (byte) number;
        }
    }

    private static final LeaseKey NO_KEY = new LeaseKey(0, 0, 0);
    private static final int BYTES = 1 + 8 + 24 + 2 * 4;

    static Message of(Type type) {
        return of(type, 0, NO_KEY);
    }

    static Message of(Type type, long slot, LeaseKey key) {
        return new Message(type, slot, key, 0, 0);
    }

    byte[] encode() {
        return ByteBuffer.allocate(BYTES)
                .put(type.number)
                .putLong(slot)
                .putLong(key.high())
                .putLong(key.low())
                .putLong(key.epoch())
                .putInt(first)
                .putInt(count)
                .array();
    }

    /** Returns null for what this version does not understand. */
    static @Nullable Message decode(byte[] received) {
        if (received.length < BYTES) {
            return null;
        }
        ByteBuffer in = ByteBuffer.wrap(received);
        byte number = in.get();
        for (Type type : Type.values()) {
            if (type.number == number) {
                return new Message(
                        type,
                        in.getLong(),
                        new LeaseKey(in.getLong(), in.getLong(), in.getLong()),
                        in.getInt(),
                        in.getInt());
            }
        }
        return null;
    }

    boolean opens(long ownSlot, LeaseKey own) {
        return slot == ownSlot && own.epoch() == key.epoch() && own.matches(key.high(), key.low());
    }
}
