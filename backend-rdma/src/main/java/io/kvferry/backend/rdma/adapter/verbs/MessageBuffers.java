package io.kvferry.backend.rdma.adapter.verbs;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.kvferry.backend.rdma.adapter.RdmaConnection;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The registered memory of one connection: slots that messages are received into and sent from, and eight bytes that a
 * flush reads into. Confined to the owner thread, once made.
 */
final class MessageBuffers implements AutoCloseable {
    static final int SLOT_BYTES = RdmaConnection.MAX_MESSAGE_BYTES;
    static final int RECEIVES = 64;

    /** Messages that may be on their way. */
    static final int SENDS = RECEIVES / 2;

    private static final int FLUSH_SLOT = RECEIVES + SENDS;
    private static final int SLOTS = FLUSH_SLOT + 1;
    private static final long PAGE = 4096;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment slots = arena.allocate((long) SLOTS * SLOT_BYTES, PAGE);
    private final MemorySegment request = arena.allocate(Abi.RECV_WR_BYTES, 8);
    private final MemorySegment slice = arena.allocate(Abi.SGE_BYTES, 8);
    private final MemorySegment bad = arena.allocate(ADDRESS);
    private final VerbsRegion region;

    MessageBuffers(VerbsDevice device) {
        try {
            region = VerbsRegion.register(device, slots.address(), slots.byteSize(), Abi.ACCESS_LOCAL_WRITE);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    int localKey() {
        return region.localKey();
    }

    long flushAddress() {
        return slots.address() + (long) FLUSH_SLOT * SLOT_BYTES;
    }

    /** The request that receives into a slot; valid until the next call. */
    MemorySegment receiveRequest(int slot, long id) {
        slice.set(JAVA_LONG, Abi.SGE_ADDRESS, slots.address() + (long) slot * SLOT_BYTES);
        slice.set(JAVA_INT, Abi.SGE_LENGTH, SLOT_BYTES);
        slice.set(JAVA_INT, Abi.SGE_LKEY, localKey());
        request.set(JAVA_LONG, Abi.WR_ID, id);
        request.set(ADDRESS, Abi.WR_SGES, slice);
        request.set(JAVA_INT, Abi.WR_SGE_COUNT, 1);
        return request;
    }

    MemorySegment bad() {
        return bad;
    }

    byte[] received(int slot, int bytes) {
        return slots.asSlice((long) slot * SLOT_BYTES, Math.min(bytes, SLOT_BYTES))
                .toArray(JAVA_BYTE);
    }

    /** Puts a message into one of the slots that are sent from; returns its address. */
    long fill(int send, byte[] message) {
        long at = (long) (RECEIVES + send) * SLOT_BYTES;
        MemorySegment.copy(message, 0, slots, JAVA_BYTE, at, message.length);
        return slots.address() + at;
    }

    @Override
    public void close() {
        region.close();
        arena.close();
    }
}
