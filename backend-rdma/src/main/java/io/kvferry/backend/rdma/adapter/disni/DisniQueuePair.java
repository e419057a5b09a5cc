package io.kvferry.backend.rdma.adapter.disni;

import com.ibm.disni.verbs.IbvQP;
import com.ibm.disni.verbs.IbvQPInitAttr;
import com.ibm.disni.verbs.IbvRecvWR;
import com.ibm.disni.verbs.IbvSendWR;
import com.ibm.disni.verbs.IbvWC;
import com.ibm.disni.verbs.RdmaCmId;
import com.ibm.disni.verbs.SVCPostRecv;
import io.kvferry.backend.rdma.adapter.RdmaBatch;
import io.kvferry.spi.Operation;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The queue pair of one end of a connection, with a completion queue and its messages. Confined to the owner thread.
 *
 * <p>Requests complete in the order in which they were posted, so only the last of a batch asks for a completion, which
 * stands for all before it. After the first error the pair is dead: what is outstanding is flushed, and nothing new is
 * taken.
 */
final class DisniQueuePair {
    private static final Logger LOG = LoggerFactory.getLogger(DisniQueuePair.class);
    private static final int SUCCESS = 0;

    /** Marks the ids of receives: a completion with an error says nothing else of what it was. */
    private static final long RECEIVE = 1L << 62;

    private final RdmaCmId id;
    private final int sendDepth;
    private final DisniMessages messages;
    private final DisniCompletions completions;
    private final DisniRequest write;
    private final DisniRequest read;
    private final DisniRequest send;
    private final SVCPostRecv[] receives = new SVCPostRecv[DisniMessages.RECEIVES];

    /** The batch whose last request has this id, modulo the depth; nothing for other requests. */
    private final @Nullable RdmaBatch[] batches;

    private long posted;
    private long retired;
    private int receivesPosted;

    /** Hears of completions, on the owner thread. */
    interface Listener {
        /** Every request of a batch is done. */
        void done(RdmaBatch batch);

        /** All requests up to this id are done, messages among them. */
        void sent(long request);

        /** A message has arrived. */
        void received(byte[] message);

        /** A request failed: the pair is dead. Flushed ones follow, each with a call. */
        void failed(int status);
    }

    /**
     * Makes the pair of an id that has its device, ready to receive.
     *
     * @throws IOException where the device has no more; then nothing is left of it
     */
    DisniQueuePair(DisniDevice device, RdmaCmId id, int sendDepth) throws IOException {
        this.id = id;
        this.sendDepth = sendDepth;
        this.batches = new RdmaBatch[sendDepth];
        this.messages = new DisniMessages(device);
        List<Closing> made = new ArrayList<>(List.of(messages::close));
        try {
            completions = new DisniCompletions(device, sendDepth + DisniMessages.RECEIVES);
            made.addFirst(completions::close);
            IbvQP pair = id.createQP(device.protectionDomain(), shape());
            made.addFirst(id::destroyQP);
            write = new DisniRequest(pair, IbvSendWR.IBV_WR_RDMA_WRITE);
            read = new DisniRequest(pair, IbvSendWR.IBV_WR_RDMA_READ);
            send = new DisniRequest(pair, IbvSendWR.IBV_WR_SEND);
            for (int slot = 0; slot < receives.length; slot++) {
                receives[slot] = pair.postRecv(List.of(receive(slot)), List.of());
                post(receives[slot]);
            }
        } catch (IOException | RuntimeException e) {
            close(made);
            throw e;
        }
    }

    private IbvQPInitAttr shape() {
        IbvQPInitAttr shape = new IbvQPInitAttr();
        shape.cap().setMax_send_wr(sendDepth);
        shape.cap().setMax_recv_wr(DisniMessages.RECEIVES);
        shape.setQp_type(IbvQP.IBV_QPT_RC);
        shape.setSend_cq(completions.queue());
        shape.setRecv_cq(completions.queue());
        return shape;
    }

    @SuppressWarnings("JdkObsolete") // what DiSNI asks for
    private IbvRecvWR receive(int slot) {
        IbvRecvWR request = new IbvRecvWR();
        request.setWr_id(RECEIVE | slot);
        request.setSg_list(new LinkedList<>(List.of(messages.receive(slot))));
        request.setNum_sge(1);
        return request;
    }

    private void post(SVCPostRecv call) throws IOException {
        var ignored = call.execute();
        receivesPosted++;
    }

    RdmaCmId id() {
        return id;
    }

    DisniCompletions completions() {
        return completions;
    }

    /** How many more requests it takes. */
    int room() {
        return sendDepth - outstanding();
    }

    /** Requests that are not done. */
    int outstanding() {
        return (int) (posted - retired);
    }

    /** True once every request and every receive has completed. */
    boolean isDrained() {
        return posted == retired && receivesPosted == 0;
    }

    /**
     * Posts a batch; behind writes a read of the peer's flush cell, which is not answered before they are in memory.
     *
     * @return false, and nothing is posted, while there is no room
     * @throws IOException if the library refuses a request: then the pair is of no use any more
     */
    boolean post(RdmaBatch batch, DisniHello peer) throws IOException {
        boolean writes = batch.operation() == Operation.WRITE;
        int parts = DisniCutter.count(batch);
        if (room() <= parts) {
            return false;
        }
        DisniRequest request = writes ? write : read;
        long last = writes ? -1 : posted + parts - 1;
        DisniCutter.cut(batch, (localAddress, localKey, remoteAddress, remoteKey, bytes) -> {
            request.remote(remoteAddress, remoteKey).local(localAddress, bytes, localKey);
            post(request, posted == last);
        });
        if (writes) {
            read.remote(peer.flushAddress(), peer.flushKey())
                    .local(messages.flushAddress(), DisniAdapter.FLUSH_BYTES, messages.localKey());
            post(read, true);
        }
        batches[slot(posted - 1)] = batch;
        return true;
    }

    /**
     * Sends a message from one of the slots for it.
     *
     * @return the id of its request
     * @throws IOException if the library refuses it: then the pair is of no use any more
     */
    long send(int slot, byte[] message) throws IOException {
        send.local(messages.fill(slot, message), message.length, messages.localKey());
        post(send, true);
        return posted - 1;
    }

    private void post(DisniRequest request, boolean signaled) throws IOException {
        request.post(posted, signaled);
        posted++;
    }

    private int slot(long request) {
        return (int) (request % batches.length);
    }

    /**
     * Takes the completions that are there; returns how many.
     *
     * @throws IOException if the library cannot look
     */
    int poll(Listener listener) throws IOException {
        int count = completions.poll();
        for (int i = 0; i < count; i++) {
            IbvWC completion = completions.get(i);
            int status = completion.getStatus();
            if ((completion.getWr_id() & RECEIVE) == 0) {
                completed(completion.getWr_id(), status, listener);
            } else {
                received((int) (completion.getWr_id() ^ RECEIVE), completion, listener);
            }
            if (status != SUCCESS) {
                listener.failed(status);
            }
        }
        return count;
    }

    private void received(int slot, IbvWC completion, Listener listener) throws IOException {
        receivesPosted--;
        if (completion.getStatus() == SUCCESS) {
            byte[] message = messages.received(slot, completion.getByte_len());
            post(receives[slot]);
            listener.received(message);
        }
    }

    private void completed(long request, int status, Listener listener) {
        while (retired <= request) {
            int slot = slot(retired);
            RdmaBatch batch = batches[slot];
            batches[slot] = null;
            boolean done = retired < request || status == SUCCESS;
            retired++;
            if (batch != null && done) {
                listener.done(batch);
            }
        }
        if (status == SUCCESS) {
            listener.sent(request);
        }
    }

    /** Makes it dead, and tells the peer: nothing of the peer is served any more, and what is outstanding is flushed. */
    void disconnect() {
        try {
            id.disconnect();
        } catch (IOException e) {
            LOG.debug("disconnecting: {}", DisniDevice.text(e)); // it will be destroyed as it is
        }
    }

    /** Destroys it: from here on the device touches no memory on its behalf. The id is its owner's. */
    void close() {
        write.free();
        read.free();
        send.free();
        for (SVCPostRecv receive : receives) {
            var ignored = receive.free();
        }
        close(List.of(id::destroyQP, completions::close, messages::close));
    }

    /** A step of taking apart. */
    @FunctionalInterface
    private interface Closing {
        void run() throws IOException;
    }

    private static void close(List<Closing> steps) {
        for (Closing step : steps) {
            try {
                step.run();
            } catch (IOException | RuntimeException e) {
                LOG.error("something of a queue pair stays until this process ends: {}", e.getMessage());
            }
        }
    }
}
