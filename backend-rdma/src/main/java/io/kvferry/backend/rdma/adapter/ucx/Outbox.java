package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.backend.rdma.adapter.RdmaConnection;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import org.openucx.jucx.UcxCallback;
import org.openucx.jucx.ucp.UcpConstants;
import org.openucx.jucx.ucp.UcpEndpoint;
import org.openucx.jucx.ucp.UcpRequest;
import org.openucx.jucx.ucp.UcpRequestParams;
import org.openucx.jucx.ucs.UcsConstants;

/** Native memory of messages until UCX has taken them. Confined to the owner thread. */
final class Outbox {
    private static final int SLOTS = 64;
    private static final UcpRequestParams HOST =
            new UcpRequestParams().setMemoryType(UcsConstants.MEMORY_TYPE.UCS_MEMORY_TYPE_HOST);

    private final Arena arena = Arena.ofShared();
    private final ArrayDeque<MemorySegment> free = new ArrayDeque<>(SLOTS);

    Outbox() {
        MemorySegment memory = arena.allocate((long) SLOTS * RdmaConnection.MAX_MESSAGE_BYTES, 64);
        for (int i = 0; i < SLOTS; i++) {
            free.add(memory.asSlice((long) i * RdmaConnection.MAX_MESSAGE_BYTES, RdmaConnection.MAX_MESSAGE_BYTES));
        }
    }

    /**
     * Sends a message as a header without data, which arrives whole.
     *
     * @param id of the handler that hears it
     * @param taken runs when UCX has taken it
     * @return false while no slot is free
     */
    boolean send(UcpEndpoint endpoint, int id, byte[] message, Runnable taken, UcxFailure failure) {
        MemorySegment slot = free.poll();
        if (slot == null) {
            return false;
        }
        MemorySegment.copy(MemorySegment.ofArray(message), 0, slot, 0, message.length);
        endpoint.sendAmNonBlocking(
                id,
                slot.address(),
                message.length,
                slot.address(),
                0,
                UcpConstants.UCP_AM_SEND_FLAG_EAGER,
                new UcxCallback() {
                    @Override
                    public void onSuccess(UcpRequest request) {
                        free.add(slot);
                        taken.run();
                    }

                    @Override
                    public void onError(int status, String text) {
                        failure.failed("sending", status, text);
                    }
                },
                HOST);
        return true;
    }

    void close() {
        arena.close();
    }
}
