package io.kvferry.backend.rdma.adapter.disni;

import com.ibm.disni.verbs.IbvWC.IbvWcStatus;
import com.ibm.disni.verbs.RdmaCmEvent.EventType;
import com.ibm.disni.verbs.RdmaCmId;
import io.kvferry.backend.rdma.adapter.RdmaBatch;
import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.backend.rdma.adapter.RdmaEvents;
import io.kvferry.backend.rdma.adapter.RdmaRemoteKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * A queue pair as the backend sees it: the initiator's half, which connects, or the target's, which gets its pair from {@link
 * DisniStranger} once its initiator has come. As {@link RdmaConnection} says, confined to the owner thread.
 */
final class DisniConnection implements RdmaConnection, DisniQueuePair.Listener, DisniSwitchboard.IdListener {
    private final DisniAdapter adapter;
    private final RdmaEvents events;
    private final DisniToken token;
    private final byte[] hello;

    /** Where the target listens; null for the target's half. */
    private final @Nullable InetSocketAddress where;

    private @Nullable DisniDialing dialing;
    private @Nullable DisniQueuePair pair;

    /** What the peer lets this side read behind its writes. */
    private @Nullable DisniHello peer;

    /** Messages sent and not yet known to have arrived, by the id of their request. */
    private final Queue<Long> sending = new ArrayDeque<>(DisniMessages.SENDS);

    private int nextSend;

    /** What the owner is told at the next progress. */
    private final Queue<Runnable> pending = new ArrayDeque<>();

    private boolean givenUp;
    private @Nullable Deadline flushedBy;

    DisniConnection(DisniAdapter adapter, DisniToken token, @Nullable InetSocketAddress where, RdmaEvents events) {
        this.adapter = adapter;
        this.token = token;
        this.where = where;
        this.events = events;
        this.hello = adapter.hello(token).encode();
    }

    DisniToken token() {
        return token;
    }

    /** The pair, once there is one: to be armed and waited for. */
    @Nullable
    DisniQueuePair pair() {
        return pair;
    }

    @Override
    public byte[] hello() {
        return hello;
    }

    @Override
    public void establish(byte[] theirHello) {
        DisniHello theirs = DisniHello.decode(theirHello);
        if (!theirs.token().equals(token) || where == null) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, "the peer's hello is of another connection");
        }
        peer = theirs;
        try {
            dialing = new DisniDialing(adapter, where, this);
        } catch (IOException e) {
            fail(TransferErrorCode.CONNECTION_FAILED, "connecting to " + where + ": " + DisniDevice.text(e));
        }
    }

    @Override
    public void heard(EventType event) {
        DisniDialing onTheWay = dialing;
        if (onTheWay != null) {
            if (!isOver()) {
                onTheWay.heard(event);
            }
        } else if (event == EventType.RDMA_CM_EVENT_DISCONNECTED) {
            // what arrived before counts, a goodbye above all
            boolean ignored = deliver();
            ignored |= poll();
            fail(TransferErrorCode.CONNECTION_FAILED, "the peer has ended the connection");
        } else if (event == EventType.RDMA_CM_EVENT_DEVICE_REMOVAL) {
            fail(TransferErrorCode.TRANSFER_FAILED, "the RDMA device is gone");
        }
    }

    /** The initiator's half is connected: says who it is. */
    void dialed(DisniQueuePair made) {
        dialing = null;
        pair = made;
        if (send(token.bytes())) {
            pending.add(events::connected);
        }
    }

    /** The target's half: its initiator has come, and has said this behind its token. */
    void met(DisniQueuePair made, List<byte[]> messages) {
        pair = made;
        adapter.switchboard().route(made.id(), this);
        pending.add(events::connected);
        messages.forEach(message -> pending.add(() -> received(message)));
    }

    /** Whether the target's half waits for its initiator. */
    boolean isExpecting() {
        return pair == null && !isOver();
    }

    @Override
    public RdmaRemoteKey importKey(byte[] key) {
        return DisniRemoteKey.decode(key);
    }

    @Override
    public boolean post(RdmaBatch batch) {
        DisniQueuePair live = pair;
        DisniHello known = peer;
        if (isOver() || live == null || known == null) {
            return false;
        }
        try {
            return live.post(batch, known);
        } catch (IOException e) {
            fail(TransferErrorCode.TRANSFER_FAILED, DisniDevice.text(e));
            return true;
        }
    }

    @Override
    public boolean send(byte[] message) {
        DisniQueuePair live = pair;
        if (isOver() || live == null || live.room() == 0 || sending.size() == DisniMessages.SENDS) {
            return false;
        }
        try {
            sending.add(live.send(nextSend, message));
            nextSend = (nextSend + 1) % DisniMessages.SENDS;
        } catch (IOException e) {
            fail(TransferErrorCode.TRANSFER_FAILED, DisniDevice.text(e));
        }
        return true;
    }

    private boolean isOver() {
        return givenUp || flushedBy != null;
    }

    /** Delivers what has happened; returns whether anything has. */
    boolean progress() {
        boolean worked = false;
        DisniDialing onTheWay = dialing;
        if (onTheWay != null && !isOver()) {
            onTheWay.watch();
        }
        worked |= deliver();
        worked |= poll();
        Deadline until = flushedBy;
        if (until != null) {
            if (!givenUp && (sending.isEmpty() || until.isExpired())) {
                giveUp();
            }
            DisniQueuePair live = pair;
            if (givenUp && (live == null || live.isDrained() || until.isExpired())) {
                release();
                adapter.forget(this);
                events.closed();
                worked = true;
            }
        }
        return worked;
    }

    private boolean deliver() {
        boolean any = !pending.isEmpty();
        for (Runnable event = pending.poll(); event != null; event = pending.poll()) {
            event.run();
        }
        return any;
    }

    private boolean poll() {
        DisniQueuePair live = pair;
        if (live == null) {
            return false;
        }
        try {
            return live.poll(this) > 0;
        } catch (IOException e) {
            fail(TransferErrorCode.TRANSFER_FAILED, DisniDevice.text(e));
            return false;
        }
    }

    @Override
    public void done(RdmaBatch batch) {
        events.applied(batch);
    }

    @Override
    public void sent(long request) {
        while (!sending.isEmpty() && sending.element() <= request) {
            sending.remove();
        }
    }

    @Override
    public void received(byte[] message) {
        if (!isOver()) {
            events.received(message);
        }
    }

    @Override
    public void failed(int status) {
        IbvWcStatus[] all = IbvWcStatus.values();
        IbvWcStatus known = status >= 0 && status < all.length ? all[status] : IbvWcStatus.IBV_WC_GENERAL_ERR;
        TransferErrorCode code = switch (known) {
            case IBV_WC_REM_ACCESS_ERR -> TransferErrorCode.ACCESS_DENIED;
            case IBV_WC_RETRY_EXC_ERR, IBV_WC_RNR_RETRY_EXC_ERR -> TransferErrorCode.PEER_LOST;
            default -> TransferErrorCode.TRANSFER_FAILED;
        };
        fail(code, known + " (status " + status + ")");
    }

    /** Gives the connection up. The owner hears of it from progress, and only of the first reason. */
    void fail(TransferErrorCode code, String detail) {
        if (givenUp) {
            return; // the first one says why, the others that they were flushed
        }
        giveUp();
        pending.add(() -> {
            if (flushedBy == null) {
                events.failed(code, detail);
            }
        });
        adapter.wake();
    }

    private void giveUp() {
        givenUp = true;
        if (pair != null) {
            pair.disconnect();
        }
    }

    @Override
    public void close() {
        if (flushedBy != null) {
            return;
        }
        flushedBy = adapter.settings().flushDeadline();
        // with no batch in flight there is time for the last message, the goodbye, to arrive
        if (!givenUp && (pair == null || pair.outstanding() > sending.size())) {
            giveUp();
        }
        adapter.wake();
    }

    /** Destroys the queue pair, which is the fence, and frees what belongs to it. */
    void release() {
        RdmaCmId id = null;
        if (dialing != null) {
            dialing.abandon();
            dialing = null;
        } else if (pair != null) {
            id = pair.id();
            pair.close();
        }
        pair = null;
        if (id != null) {
            adapter.switchboard().destroy(id);
        }
    }
}
