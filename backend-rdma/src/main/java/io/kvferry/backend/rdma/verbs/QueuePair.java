package io.kvferry.backend.rdma.verbs;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * One end of a reliable connection, with a completion queue of its own, which therefore cannot overflow. Confined to the
 * device's thread.
 *
 * <p>Requests complete in the order in which they were posted, so a completion stands for all requests before it. After
 * the first error the pair is dead: every request that is outstanding completes as flushed, and none is taken any more.
 */
final class QueuePair implements AutoCloseable {
    private static final int POLLED_AT_ONCE = 32;
    private static final int SUCCESS = 0;

    private final VerbsDevice device;
    private final QueuePairSettings settings;
    private final Gid gid;
    private final MemorySegment completionQueue;
    private final MemorySegment pair;
    private final int number;
    private final int firstPacket;
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment bad = arena.allocate(ADDRESS);
    private final MemorySegment completions = arena.allocate(POLLED_AT_ONCE * Abi.WC_BYTES, 8);
    private final MemorySegment postSend;
    private final MemorySegment pollCq;
    private final MemorySegment requestNotification;

    /** Who posted each outstanding request, by its id modulo the depth. */
    private final @Nullable RequestOwner[] owners;

    private long posted;
    private long retired;
    private boolean armed;
    private boolean failed;

    /** Hears of its requests, on the device's thread. */
    interface RequestOwner {
        /** One of its requests is done. */
        void succeeded();

        /** One of its requests failed, or was flushed because an earlier one did. */
        void failed(String reason);
    }

    /**
     * Makes a pair that is reset: it neither sends nor receives.
     *
     * @param channel where notifications go
     * @throws NativeFailure where the device has no more
     */
    QueuePair(VerbsDevice device, QueuePairSettings settings, Gid gid, MemorySegment channel, int firstPacket) {
        this.device = device;
        this.settings = settings;
        this.gid = gid;
        this.firstPacket = firstPacket;
        this.owners = new RequestOwner[settings.sendDepth()];
        this.postSend = device.function(Abi.CONTEXT_POST_SEND);
        this.pollCq = device.function(Abi.CONTEXT_POLL_CQ);
        this.requestNotification = device.function(Abi.CONTEXT_REQ_NOTIFY_CQ);
        IbVerbs verbs = device.verbs();
        this.completionQueue =
                verbs.createCq.make(device.context(), settings.sendDepth() + 1, MemorySegment.NULL, channel, 0);
        try {
            this.pair = createPair();
        } catch (NativeFailure e) {
            verbs.destroyCq.call("", completionQueue);
            arena.close();
            throw e;
        }
        this.number = pair.get(JAVA_INT, Abi.QP_NUMBER);
    }

    private MemorySegment createPair() {
        try (Arena local = Arena.ofConfined()) {
            MemorySegment init = local.allocate(Abi.QP_INIT_BYTES, 8);
            init.set(ADDRESS, Abi.QP_INIT_SEND_CQ, completionQueue);
            init.set(ADDRESS, Abi.QP_INIT_RECV_CQ, completionQueue);
            init.set(JAVA_INT, Abi.QP_INIT_MAX_SEND_WR, settings.sendDepth());
            init.set(JAVA_INT, Abi.QP_INIT_MAX_RECV_WR, 1);
            init.set(JAVA_INT, Abi.QP_INIT_MAX_SEND_SGE, settings.maxSlices());
            init.set(JAVA_INT, Abi.QP_INIT_MAX_RECV_SGE, 1);
            init.set(JAVA_INT, Abi.QP_INIT_TYPE, Abi.TYPE_RELIABLE_CONNECTION);
            return device.verbs()
                    .createQp
                    .make(device.protectionDomain(), init)
                    .reinterpret(Abi.QP_BYTES);
        }
    }

    /** What the peer must know to connect. */
    QueuePairAddress address() {
        return new QueuePairAddress(
                number, firstPacket, settings.packetBytes(), device.portState().lid(), gid.bytes());
    }

    /**
     * Connects to the peer's pair. Both sides do it, in any order, and neither hears whether the other has.
     *
     * @param access what the peer may do through this pair, {@code Abi.ACCESS_…}
     * @throws NativeFailure where the address leads nowhere
     */
    void connect(QueuePairAddress peer, int access) {
        try (Arena local = Arena.ofConfined()) {
            MemorySegment attr = local.allocate(Abi.QP_ATTR_BYTES, 8);
            attr.set(JAVA_BYTE, Abi.QP_ATTR_PORT, (byte) device.port());
            attr.set(JAVA_INT, Abi.QP_ATTR_ACCESS, access);
            modify(attr, Abi.STATE_INIT, Abi.MASK_PKEY_INDEX | Abi.MASK_PORT | Abi.MASK_ACCESS);
            fillPath(attr, peer);
            attr.set(JAVA_INT, Abi.QP_ATTR_PATH_MTU, Math.min(settings.packetBytes(), peer.packetBytes()));
            attr.set(JAVA_INT, Abi.QP_ATTR_DEST_QP, peer.number());
            attr.set(JAVA_INT, Abi.QP_ATTR_RQ_PSN, peer.firstPacket());
            attr.set(JAVA_BYTE, Abi.QP_ATTR_MAX_DEST_RD_ATOMIC, (byte) settings.readsServed());
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
            attr.set(JAVA_BYTE, Abi.QP_ATTR_MAX_RD_ATOMIC, (byte) settings.readsStarted());
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

    private void fillPath(MemorySegment attr, QueuePairAddress peer) {
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

    /** How many more requests it takes. */
    int room() {
        return failed ? 0 : settings.sendDepth() - outstanding();
    }

    int outstanding() {
        return (int) (posted - retired);
    }

    /** The id of the next request that is posted. */
    long nextId(SendBatch batch) {
        return posted + batch.size();
    }

    /**
     * Posts a batch with one call, and clears it. The last request asks for a completion. Requests that the device does
     * not take fail their owner.
     *
     * @param batch at least one and at most {@link #room()} requests, with ids from {@link #nextId}
     * @param owner hears of each of them
     */
    void post(SendBatch batch, RequestOwner owner) {
        batch.signalLast();
        int result = IbVerbs.post(postSend, pair, batch.first(), bad);
        int taken = result == 0 ? batch.size() : batch.indexOf(bad.get(ADDRESS, 0));
        for (int i = 0; i < taken; i++) {
            owners[slot(posted + i)] = owner;
        }
        posted += taken;
        int refused = batch.size() - taken;
        batch.clear();
        if (result != 0) {
            // what was taken before has no request behind it that would be signalled: the flush tells of it
            fail();
            for (int i = 0; i < refused; i++) {
                owner.failed("ibv_post_send: " + Posix.describe(result));
            }
        }
    }

    private int slot(long id) {
        return (int) (id % owners.length);
    }

    /** Takes the completions that are there; returns how many. */
    int poll() {
        int count = IbVerbs.poll(pollCq, completionQueue, POLLED_AT_ONCE, completions);
        if (count < 0) {
            throw new IllegalStateException("ibv_poll_cq: " + count);
        }
        for (int i = 0; i < count; i++) {
            long at = i * Abi.WC_BYTES;
            completed(
                    completions.get(JAVA_LONG, at + Abi.WC_ID),
                    completions.get(JAVA_INT, at + Abi.WC_STATUS),
                    completions.get(JAVA_INT, at + Abi.WC_VENDOR_ERROR));
        }
        return count;
    }

    private void completed(long id, int status, int vendorError) {
        long before = status == SUCCESS ? id + 1 : id;
        while (retired < before) {
            retire().succeeded();
        }
        if (status != SUCCESS) {
            failed = true;
            retire().failed(describe(status, vendorError));
        }
    }

    private String describe(int status, int vendorError) {
        return device.verbs().describeStatus(status) + (vendorError == 0 ? "" : ", vendor error " + vendorError);
    }

    private RequestOwner retire() {
        int slot = slot(retired);
        RequestOwner owner = owners[slot];
        if (owner == null) {
            throw new IllegalStateException("request " + retired + " of queue pair " + number + " completes twice");
        }
        owners[slot] = null;
        retired++;
        return owner;
    }

    /** Asks for a notification when the next completion comes; what came before must be polled after this. */
    void arm() {
        if (!armed) {
            int result = IbVerbs.requestNotification(requestNotification, completionQueue);
            if (result != 0) {
                throw new IllegalStateException("ibv_req_notify_cq: " + Posix.describe(result));
            }
            armed = true;
        }
    }

    /** A notification has come. */
    void notified() {
        armed = false;
    }

    /** Makes it dead: from here on nothing is sent, nothing of the peer is served, and what is outstanding is flushed. */
    void fail() {
        failed = true;
        try (Arena local = Arena.ofConfined()) {
            modify(local.allocate(Abi.QP_ATTR_BYTES, 8), Abi.STATE_ERROR, 0);
        }
    }

    boolean isFailed() {
        return failed;
    }

    int number() {
        return number;
    }

    /** The completion queue, by which notifications name it. */
    long completionQueueAddress() {
        return completionQueue.address();
    }

    /** The pair, by which asynchronous events name it. */
    long pairAddress() {
        return pair.address();
    }

    /** Destroys it. When this returns, the device touches no memory on its behalf any more: the last proof there is. */
    @Override
    public void close() {
        device.verbs().destroyQp.call("", pair);
        device.verbs().destroyCq.call("", completionQueue);
        arena.close();
    }
}
