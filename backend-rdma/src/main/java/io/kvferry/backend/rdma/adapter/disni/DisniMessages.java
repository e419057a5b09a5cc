package io.kvferry.backend.rdma.adapter.disni;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import com.ibm.disni.verbs.IbvMr;
import com.ibm.disni.verbs.IbvSge;
import io.kvferry.backend.rdma.adapter.RdmaConnection;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The registered memory of one connection: slots that messages are received into and sent from, and eight bytes that a
 * flush reads into. Confined to the owner thread.
 */
final class DisniMessages implements AutoCloseable {
    static final int SLOT_BYTES = RdmaConnection.MAX_MESSAGE_BYTES;
    static final int RECEIVES = 64;

    /** Messages that may be on their way. */
    static final int SENDS = RECEIVES / 2;

    private static final int FLUSH_SLOT = RECEIVES + SENDS;
    private static final long PAGE = 4096;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment slots = arena.allocate((long) (FLUSH_SLOT + 1) * SLOT_BYTES, PAGE);
    private final IbvMr registration;

    DisniMessages(DisniDevice device) {
        try {
            registration = device.register(slots.address(), (int) slots.byteSize(), IbvMr.IBV_ACCESS_LOCAL_WRITE);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    int localKey() {
        return registration.getLkey();
    }

    long flushAddress() {
        return address(FLUSH_SLOT);
    }

    private long address(int slot) {
        return slots.address() + (long) slot * SLOT_BYTES;
    }

    /** Where a message is received. */
    IbvSge receive(int slot) {
        IbvSge slice = new IbvSge();
        slice.setAddr(address(slot));
        slice.setLength(SLOT_BYTES);
        slice.setLkey(localKey());
        return slice;
    }

    byte[] received(int slot, int bytes) {
        return slots.asSlice((long) slot * SLOT_BYTES, Math.clamp(bytes, 0, SLOT_BYTES))
                .toArray(JAVA_BYTE);
    }

    /** Puts a message into one of the slots that are sent from; returns its address. */
    long fill(int send, byte[] message) {
        int slot = RECEIVES + send;
        MemorySegment.copy(message, 0, slots, JAVA_BYTE, (long) slot * SLOT_BYTES, message.length);
        return address(slot);
    }

    @Override
    public void close() {
        DisniDevice.deregister(registration);
        arena.close();
    }
}
