package io.kvferry.backend.rdma.adapter.verbs;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

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
     * Makes it ready to receive and to send.
     *
     * @param gid where this side's packets come from
     * @throws NativeFailure where the address leads nowhere
     */
    void connect(VerbsHello peer, Gid gid, int firstPacket) {
        new PairStates(device, settings, pair).connect(peer, gid, firstPacket);
    }

    /** Makes it dead: from here on nothing is sent, nothing of the peer is served, and what is outstanding is flushed. */
    void kill() {
        new PairStates(device, settings, pair).kill();
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
