package io.kvferry.backend.rdma.adapter.disni;

import com.ibm.disni.verbs.RdmaCmEvent.EventType;
import com.ibm.disni.verbs.RdmaCmId;
import io.kvferry.backend.rdma.adapter.RdmaBatch;
import io.kvferry.spi.Deadline;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * A connection that has come in and has not said yet whose it is: its first message is the token of a half that was agreed
 * over peer control, or it is ended. Confined to the owner thread.
 */
final class DisniStranger implements DisniQueuePair.Listener, DisniSwitchboard.IdListener {
    private final DisniAdapter adapter;
    private final DisniQueuePair pair;
    private final Deadline deadline;
    private final List<byte[]> messages = new ArrayList<>();
    private boolean gone;

    /**
     * Lets it in.
     *
     * @throws IOException if the device has no more
     */
    DisniStranger(DisniAdapter adapter, RdmaCmId id) throws IOException {
        this.adapter = adapter;
        this.deadline = adapter.settings().connectDeadline();
        this.pair = adapter.newPair(id);
        adapter.switchboard().route(id, this);
        try {
            id.accept(adapter.settings().connectionParameters());
        } catch (IOException e) {
            pair.close();
            throw e;
        }
    }

    DisniQueuePair pair() {
        return pair;
    }

    @Override
    public void heard(EventType event) {
        gone |= event != EventType.RDMA_CM_EVENT_ESTABLISHED;
    }

    /**
     * Looks for its first message.
     *
     * @return true once it is no stranger any more, or is gone
     */
    boolean progress() {
        try {
            pair.poll(this);
        } catch (IOException e) {
            gone = true;
        }
        if (!messages.isEmpty()) {
            DisniConnection expected = adapter.expected(messages.getFirst());
            if (expected == null) {
                end();
            } else {
                expected.met(pair, messages.subList(1, messages.size()));
            }
            return true;
        }
        if (gone || deadline.isExpired()) {
            end();
            return true;
        }
        return false;
    }

    /** Ends it. */
    void end() {
        pair.disconnect();
        pair.close();
        adapter.switchboard().destroy(pair.id());
    }

    @Override
    public void received(byte[] message) {
        messages.add(message);
    }

    @Override
    public void failed(int status) {
        gone = true;
    }

    @Override
    public void done(RdmaBatch batch) {
        // it has posted none
    }

    @Override
    public void sent(long request) {
        // it has sent nothing
    }
}
