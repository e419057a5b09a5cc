package io.kvferry.backend.rdma.adapter.verbs;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.kvferry.backend.rdma.adapter.RdmaBatch;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * One end of a reliable connection, with a completion queue of its own, which therefore cannot overflow. Made and
 * connected by one thread; from then on confined to the owner thread.
 *
 * <p>Requests complete in the order in which they were posted, so only the last of a batch asks for a completion, which
 * stands for all before it. After the first error the pair is dead: what is outstanding is flushed, and nothing new is
 * taken.
 */
@SuppressWarnings("restricted") // native calls are what this package is for
final class QueuePair {
    private static final int POLLED_AT_ONCE = 32;
    private static final int SUCCESS = 0;

    /** Marks the ids of receives: a completion with an error says nothing else of what it was. */
    private static final long RECEIVE = 1L << 62;

    private final VerbsDevice device;
    private final QueuePairSettings settings;
    private final MemorySegment completionQueue;
    private final MemorySegment pair;
    private final int maxInlineBytes;
    private final MemorySegment postSend;
    private final MemorySegment postReceive;
    private final MemorySegment pollCq;
    private final MemorySegment requestNotification;

    /** The batch whose last request has this id, modulo the depth; nothing for other requests. */
    private final @Nullable RdmaBatch[] batches;

    private long posted;
    private long retired;
    private int receivesPosted;
    private boolean armed;
    private boolean destroyed;

    /** Hears of completions, on the owner thread. */
    interface Listener {
        /** Every request of a batch is done. */
        void done(RdmaBatch batch);

        /** All requests up to this id are done, messages among them. */
        void sent(long id);

        /** A message is in its slot. */
        void received(int slot, int bytes);

        /** A request failed: the pair is dead. Flushed ones follow, each with a call. */
        void failed(int status, int vendorError);
    }

    /**
     * Makes a pair that neither sends nor receives yet.
     *
     * @param channel where completions are notified
     * @throws NativeFailure where the device has no more
     */
    QueuePair(VerbsDevice device, QueuePairSettings settings, MemorySegment channel) {
        this.device = device;
        this.settings = settings;
        this.batches = new RdmaBatch[settings.sendDepth()];
        this.postSend = device.function(Abi.CONTEXT_POST_SEND);
        this.postReceive = device.function(Abi.CONTEXT_POST_RECV);
        this.pollCq = device.function(Abi.CONTEXT_POLL_CQ);
        this.requestNotification = device.function(Abi.CONTEXT_REQ_NOTIFY_CQ);
        this.completionQueue = device.verbs()
                .createCq
                .make(device.context(), settings.sendDepth() + MessageBuffers.RECEIVES, MemorySegment.NULL, channel, 0);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment init = arena.allocate(Abi.QP_INIT_BYTES, 8);
            this.pair = createPair(init);
            this.maxInlineBytes = init.get(JAVA_INT, Abi.QP_INIT_MAX_INLINE);
        } catch (NativeFailure e) {
            device.verbs().destroyCq.call("", completionQueue);
            throw e;
        }
    }

    private MemorySegment createPair(MemorySegment init) {
        init.set(ADDRESS, Abi.QP_INIT_SEND_CQ, completionQueue);
        init.set(ADDRESS, Abi.QP_INIT_RECV_CQ, completionQueue);
        init.set(JAVA_INT, Abi.QP_INIT_MAX_SEND_WR, settings.sendDepth());
        init.set(JAVA_INT, Abi.QP_INIT_MAX_RECV_WR, MessageBuffers.RECEIVES);
        init.set(JAVA_INT, Abi.QP_INIT_MAX_SEND_SGE, settings.maxSlices());
        init.set(JAVA_INT, Abi.QP_INIT_MAX_RECV_SGE, 1);
        init.set(JAVA_INT, Abi.QP_INIT_MAX_INLINE, MessageBuffers.SLOT_BYTES);
        init.set(JAVA_INT, Abi.QP_INIT_TYPE, Abi.TYPE_RELIABLE_CONNECTION);
        return device.verbs().createQp.make(device.protectionDomain(), init).reinterpret(Abi.QP_BYTES);
    }

    int number() {
        return pair.get(JAVA_INT, Abi.QP_NUMBER);
    }

    /** By which asynchronous events name it. */
    long address() {
        return pair.address();
    }

    /** By which notifications and asynchronous events name it. */
    long completionQueueAddress() {
        return completionQueue.address();
    }

    /** Whether messages travel inside their request, rather than being fetched from their slot. */
    boolean sendsInline() {
        return maxInlineBytes >= MessageBuffers.SLOT_BYTES;
    }

    /**
     * Makes it ready to receive.
     *
     * @param gid where this side's packets come from
     * @throws NativeFailure where the address leads nowhere
     */
    void connect(VerbsHello peer, Gid gid, int firstPacket) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment attr = arena.allocate(Abi.QP_ATTR_BYTES, 8);
            attr.set(JAVA_BYTE, Abi.QP_ATTR_PORT, (byte) device.port());
            attr.set(JAVA_INT, Abi.QP_ATTR_ACCESS, Abi.ACCESS_REMOTE_WRITE | Abi.ACCESS_REMOTE_READ);
            modify(attr, Abi.STATE_INIT, Abi.MASK_PKEY_INDEX | Abi.MASK_PORT | Abi.MASK_ACCESS);
            fillPath(attr, peer, gid);
            attr.set(JAVA_INT, Abi.QP_ATTR_PATH_MTU, Math.min(device.portState().mtu(), peer.packetBytes()));
            attr.set(JAVA_INT, Abi.QP_ATTR_DEST_QP, peer.number());
            attr.set(JAVA_INT, Abi.QP_ATTR_RQ_PSN, peer.firstPacket());
            attr.set(JAVA_BYTE, Abi.QP_ATTR_MAX_DEST_RD_ATOMIC, (byte) settings.reads());
            attr.set(JAVA_BYTE, Abi.QP_ATTR_MIN_RNR_TIMER, (byte) QueuePairSettings.MIN_RNR_TIMER);
            modify(
                    attr,
                    Abi.STATE_READY_TO_RECEIVE,
                    Abi.MASK_AH
                            | Abi.MASK_PATH_MTU
                            | Abi.MASK_DEST_QP
                            | Abi.MASK_RQ_PSN
                            | Abi.MASK_MAX_DEST_RD_ATOMIC
                            | Abi.MASK_MIN_RNR_TIMER);
            attr.set(JAVA_INT, Abi.QP_ATTR_SQ_PSN, firstPacket);
            attr.set(JAVA_BYTE, Abi.QP_ATTR_TIMEOUT, (byte) settings.ackTimeout());
            attr.set(JAVA_BYTE, Abi.QP_ATTR_RETRIES, (byte) settings.retries());
            attr.set(JAVA_BYTE, Abi.QP_ATTR_RNR_RETRIES, (byte) QueuePairSettings.RNR_RETRIES);
            attr.set(JAVA_BYTE, Abi.QP_ATTR_MAX_RD_ATOMIC, (byte) settings.reads());
            modify(
                    attr,
                    Abi.STATE_READY_TO_SEND,
                    Abi.MASK_SQ_PSN
                            | Abi.MASK_TIMEOUT
                            | Abi.MASK_RETRIES
                            | Abi.MASK_RNR_RETRIES
                            | Abi.MASK_MAX_RD_ATOMIC);
        }
    }

    private void fillPath(MemorySegment attr, VerbsHello peer, Gid gid) {
        boolean ethernet = device.portState().ethernet();
        attr.set(JAVA_BYTE, Abi.QP_ATTR_AH_PORT, (byte) device.port());
        attr.set(JAVA_BYTE, Abi.QP_ATTR_AH_SL, (byte) settings.serviceLevel());
        attr.set(JAVA_SHORT, Abi.QP_ATTR_AH_DLID, (short) peer.lid());
        // on InfiniBand the local id leads to peers of the same subnet, which is where all peers are
        attr.set(JAVA_BYTE, Abi.QP_ATTR_AH_IS_GLOBAL, (byte) (ethernet ? 1 : 0));
        MemorySegment.copy(peer.gid(), 0, attr, JAVA_BYTE, Abi.QP_ATTR_AH_DGID, Abi.GID_BYTES);
        attr.set(JAVA_BYTE, Abi.QP_ATTR_AH_SGID_INDEX, (byte) gid.index());
        attr.set(JAVA_BYTE, Abi.QP_ATTR_AH_HOP_LIMIT, (byte) QueuePairSettings.HOP_LIMIT);
        attr.set(JAVA_BYTE, Abi.QP_ATTR_AH_TRAFFIC_CLASS, (byte) settings.trafficClass());
    }

    private void modify(MemorySegment attr, int state, int mask) {
        attr.set(JAVA_INT, Abi.QP_ATTR_STATE, state);
        device.verbs().modifyQp.call("to state " + state, pair, attr, mask | Abi.MASK_STATE);
    }

    /** Makes it dead: from here on nothing is sent, nothing of the peer is served, and what is outstanding is flushed. */
    void kill() {
        try (Arena arena = Arena.ofConfined()) {
            modify(arena.allocate(Abi.QP_ATTR_BYTES, 8), Abi.STATE_ERROR, 0);
        }
    }

    /** How many more requests it takes. */
    int room() {
        return settings.sendDepth() - outstanding();
    }

    /** Requests that are not done. */
    int outstanding() {
        return (int) (posted - retired);
    }

    /** True once every request and every receive has completed. */
    boolean isDrained() {
        return posted == retired && receivesPosted == 0;
    }

    /** The id of the next request of a batch. */
    long nextId(SendBatch requests) {
        return posted + requests.size();
    }

    /**
     * Posts requests with one call, and clears them. The last one asks for a completion.
     *
     * @param requests from one to {@link #room()}, with ids from {@link #nextId}
     * @param batch what they are for, or null for a message
     * @return 0, or the error number: then some were not posted, and the pair is of no use any more
     */
    int post(SendBatch requests, @Nullable RdmaBatch batch) {
        requests.signalLast();
        int result = IbVerbs.post(postSend, pair, requests.first(), requests.bad());
        int taken = result == 0 ? requests.size() : requests.firstBad();
        if (result == 0) {
            batches[slot(posted + taken - 1)] = batch;
        }
        posted += taken;
        requests.clear();
        return result;
    }

    /** Posts the receive of one slot; returns 0 or the error number. */
    int postReceive(MessageBuffers messages, int slot) {
        int result = IbVerbs.post(postReceive, pair, messages.receiveRequest(slot, RECEIVE | slot), messages.bad());
        if (result == 0) {
            receivesPosted++;
        }
        return result;
    }

    private int slot(long id) {
        return (int) (id % batches.length);
    }

    /** Takes the completions that are there; returns how many. */
    int poll(MemorySegment completions, Listener listener) {
        int count = IbVerbs.poll(pollCq, completionQueue, POLLED_AT_ONCE, completions);
        for (int i = 0; i < count; i++) {
            long at = i * Abi.WC_BYTES;
            long id = completions.get(JAVA_LONG, at + Abi.WC_ID);
            int status = completions.get(JAVA_INT, at + Abi.WC_STATUS);
            if ((id & RECEIVE) != 0) {
                receivesPosted--;
                if (status == SUCCESS) {
                    listener.received((int) (id ^ RECEIVE), completions.get(JAVA_INT, at + Abi.WC_BYTE_COUNT));
                }
            } else {
                completed(id, status, listener);
            }
            if (status != SUCCESS) {
                listener.failed(status, completions.get(JAVA_INT, at + Abi.WC_VENDOR_ERROR));
            }
        }
        return count;
    }

    private void completed(long id, int status, Listener listener) {
        while (retired <= id) {
            int slot = slot(retired);
            RdmaBatch batch = batches[slot];
            batches[slot] = null;
            boolean done = retired < id || status == SUCCESS;
            retired++;
            if (batch != null && done) {
                listener.done(batch);
            }
        }
        if (status == SUCCESS) {
            listener.sent(id);
        }
    }

    /** Memory for the completions of one {@link #poll}. */
    static MemorySegment allocateCompletions(Arena arena) {
        return arena.allocate(POLLED_AT_ONCE * Abi.WC_BYTES, 8);
    }

    /**
     * Asks for a notification when the next completion comes.
     *
     * @return false if it was asked for before; else what came in the meantime must be polled
     */
    boolean arm() {
        if (armed) {
            return false;
        }
        armed = IbVerbs.requestNotification(requestNotification, completionQueue) == 0;
        return true;
    }

    /** A notification has come. */
    void disarmed() {
        armed = false;
    }

    /**
     * Destroys it, in whatever state it is. When this returns, the device touches no memory on its behalf any more: the
     * last proof there is.
     *
     * @throws NativeFailure if it could not be destroyed; to be called again
     */
    void destroy() {
        if (!destroyed) {
            device.verbs().destroyQp.call("", pair);
            destroyed = true;
        }
        device.verbs().destroyCq.call("", completionQueue);
    }
}
