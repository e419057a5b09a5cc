package io.kvferry.backend.rdma.adapter.verbs;

import io.kvferry.backend.rdma.adapter.RdmaBatch;
import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.backend.rdma.adapter.RdmaEvents;
import io.kvferry.backend.rdma.adapter.RdmaRemoteKey;
import io.kvferry.backend.rdma.adapter.posix.Posix;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferErrorCode;
import java.util.ArrayDeque;
import java.util.Queue;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A queue pair as the backend sees it. As {@link RdmaConnection} says, confined to the owner thread. */
final class VerbsConnection implements RdmaConnection, QueuePair.Listener {
    private static final Logger LOG = LoggerFactory.getLogger(VerbsConnection.class);

    // of enum ibv_wc_status
    private static final int STATUS_REMOTE_ACCESS_ERROR = 10;
    private static final int STATUS_RETRIES_EXCEEDED = 12;
    private static final int STATUS_RNR_RETRIES_EXCEEDED = 13;

    private final VerbsAdapter adapter;
    private final RdmaEvents events;
    private final QueuePair pair;
    private final MessageBuffers messages;
    private final int firstPacket;
    private final byte[] hello;

    /** What the peer lets this side read behind its writes; set when connected. */
    private @Nullable VerbsHello peer;

    /** Messages sent and not yet known to have arrived, by the id of their request. */
    private final Queue<Long> sending = new ArrayDeque<>(MessageBuffers.SENDS);

    private int nextSend;

    /** What the owner is told at the next progress. */
    private @Nullable Runnable pending;

    private boolean givenUp;
    private @Nullable Deadline flushedBy;

    VerbsConnection(VerbsAdapter adapter, QueuePair pair, MessageBuffers messages, int firstPacket, RdmaEvents events) {
        this.adapter = adapter;
        this.events = events;
        this.pair = pair;
        this.messages = messages;
        this.firstPacket = firstPacket;
        this.hello = adapter.hello(pair.number(), firstPacket).encode();
    }

    QueuePair pair() {
        return pair;
    }

    @Override
    public byte[] hello() {
        return hello;
    }

    /** Connects the queue pair to the peer's, and lets messages in. */
    void join(VerbsHello theirs) {
        pair.connect(theirs, adapter.gid(), firstPacket);
        for (int slot = 0; slot < MessageBuffers.RECEIVES; slot++) {
            receive(slot);
        }
        peer = theirs;
    }

    @Override
    public void establish(byte[] theirHello) {
        VerbsHello theirs = VerbsHello.decode(theirHello);
        try {
            join(theirs);
            tell(events::connected);
        } catch (NativeFailure e) {
            fail(TransferErrorCode.CONNECTION_FAILED, e.getMessage() + "; is there a route to " + theirs.where() + "?");
        }
    }

    @Override
    public RdmaRemoteKey importKey(byte[] key) {
        return VerbsRemoteKey.decode(key);
    }

    @Override
    public boolean post(RdmaBatch batch) {
        VerbsHello known = peer;
        if (isOver() || known == null || pair.room() <= batch.size()) {
            return false;
        }
        SendBatch requests = adapter.requests();
        boolean write = batch.operation() == Operation.WRITE;
        BatchWriter.write(
                batch, write ? Abi.OPCODE_WRITE : Abi.OPCODE_READ, pair, requests, adapter.maxOperationBytes());
        if (write) {
            // an acknowledged write may still be on its way through the peer's host; a read behind it is not answered
            // before
            requests.begin(pair.nextId(requests), Abi.OPCODE_READ, 0, known.flushAddress(), known.flushKey());
            requests.addSlice(messages.flushAddress(), VerbsAdapter.FLUSH_BYTES, messages.localKey());
        }
        posted(pair.post(requests, batch));
        return true;
    }

    @Override
    public boolean send(byte[] message) {
        if (isOver() || peer == null || pair.room() == 0 || sending.size() == MessageBuffers.SENDS) {
            return false;
        }
        SendBatch requests = adapter.requests();
        long id = pair.nextId(requests);
        requests.begin(id, Abi.OPCODE_SEND, pair.sendsInline() ? Abi.FLAG_INLINE : 0, 0, 0);
        requests.addSlice(messages.fill(nextSend, message), message.length, messages.localKey());
        nextSend = (nextSend + 1) % MessageBuffers.SENDS;
        sending.add(id);
        posted(pair.post(requests, null));
        return true;
    }

    private boolean isOver() {
        return givenUp || flushedBy != null;
    }

    private void posted(int result) {
        if (result != 0) {
            fail(TransferErrorCode.TRANSFER_FAILED, "ibv_post_send: " + Posix.describe(result));
        }
    }

    private void receive(int slot) {
        int result = pair.postReceive(messages, slot);
        if (result != 0) {
            fail(TransferErrorCode.TRANSFER_FAILED, "ibv_post_recv: " + Posix.describe(result));
        }
    }

    /** Delivers what has happened; returns whether anything has. */
    boolean progress() {
        boolean worked = false;
        Runnable event = pending;
        if (event != null) {
            pending = null;
            event.run();
            worked = true;
        }
        worked |= pair.poll(adapter.completions(), this) > 0;
        Deadline until = flushedBy;
        if (until != null) {
            if (!givenUp && (sending.isEmpty() || until.isExpired())) {
                giveUp();
            }
            if (givenUp && (pair.isDrained() || until.isExpired())) {
                worked |= releaseOrTryLater();
            }
        }
        return worked;
    }

    private boolean releaseOrTryLater() {
        try {
            release();
        } catch (NativeFailure e) {
            // not destroyed, so nothing is proved: the owner does not hear that it is
            LOG.error("queue pair {}: {}", pair.number(), e.getMessage());
            flushedBy = adapter.flushDeadline();
            return false;
        }
        adapter.forget(this);
        events.closed();
        return true;
    }

    @Override
    public void done(RdmaBatch batch) {
        events.applied(batch);
    }

    @Override
    public void sent(long id) {
        while (!sending.isEmpty() && sending.element() <= id) {
            sending.remove();
        }
    }

    @Override
    public void received(int slot, int bytes) {
        if (isOver()) {
            return;
        }
        byte[] message = messages.received(slot, bytes);
        receive(slot);
        events.received(message);
    }

    @Override
    public void failed(int status, int vendorError) {
        if (givenUp) {
            return; // the first one says why, the others that they were flushed
        }
        TransferErrorCode code = switch (status) {
            case STATUS_REMOTE_ACCESS_ERROR -> TransferErrorCode.ACCESS_DENIED;
            case STATUS_RETRIES_EXCEEDED, STATUS_RNR_RETRIES_EXCEEDED -> TransferErrorCode.PEER_LOST;
            default -> TransferErrorCode.TRANSFER_FAILED;
        };
        fail(code, adapter.describeStatus(status) + (vendorError == 0 ? "" : ", vendor error " + vendorError));
    }

    /** Gives the connection up: nothing is sent or served from here on. The owner hears of it at the next progress. */
    void fail(TransferErrorCode code, String detail) {
        if (givenUp) {
            return;
        }
        giveUp();
        tell(() -> {
            if (flushedBy == null) {
                events.failed(code, detail);
            }
        });
    }

    private void giveUp() {
        givenUp = true;
        if (peer == null) {
            return; // never connected, so nothing to give up
        }
        try {
            pair.kill();
        } catch (NativeFailure e) {
            LOG.warn("queue pair {}: {}; it will be destroyed as it is", pair.number(), e.getMessage());
        }
    }

    private void tell(Runnable event) {
        Runnable before = pending;
        pending = before == null
                ? event
                : () -> {
                    before.run();
                    event.run();
                };
        adapter.wake();
    }

    @Override
    public void close() {
        if (flushedBy != null) {
            return;
        }
        flushedBy = adapter.flushDeadline();
        // with no batch in flight there is time for the last message, the goodbye, to arrive
        if (!givenUp && pair.outstanding() > sending.size()) {
            giveUp();
        }
        adapter.wake();
    }

    /** Destroys the queue pair, which is the fence, and frees its memory. */
    void release() {
        pair.destroy();
        messages.close();
    }
}
