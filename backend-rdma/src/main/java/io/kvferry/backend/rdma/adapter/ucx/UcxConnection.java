package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.backend.rdma.adapter.RdmaBatch;
import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.backend.rdma.adapter.RdmaEvents;
import io.kvferry.backend.rdma.adapter.RdmaRemoteKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.net.UnknownHostException;
import org.jspecify.annotations.Nullable;
import org.openucx.jucx.UcxException;
import org.openucx.jucx.ucp.UcpEndpointParams;
import org.openucx.jucx.ucp.UcpWorker;

/**
 * One half of a connection: its life, and what its owner hears of it. What UCX calls back only counts and queues, and never
 * throws; it is called inside progress, inside a post and inside a close. Made by any thread, then confined to the owner
 * thread.
 */
final class UcxConnection implements RdmaConnection {
    private static final int MESSAGE_ID = 1;

    private final UcxAdapter adapter;
    private final RdmaEvents events;
    private final UcxHello hello;
    private final @Nullable UcxAddress peer;
    private final @Nullable UcxHello initiator;

    /** What carries this half; another only says goodbye for it. */
    private UcxEndpoint line;

    private @Nullable UcxHello target;
    private @Nullable UcxFence fence;
    private @Nullable Deadline endsBy;
    private boolean connected;
    private boolean failed;
    private boolean closed;
    private boolean reported;

    /**
     * Makes a half that its peer can reach, and that reaches nobody yet.
     *
     * @param worker belongs to the connection from now on
     * @param peer where an initiator's half connects to; null for a target's
     * @param initiator the other half, of a target's; null for an initiator's
     */
    UcxConnection(
            UcxAdapter adapter,
            RdmaEvents events,
            UcpWorker worker,
            UcxHello hello,
            @Nullable UcxAddress peer,
            @Nullable UcxHello initiator) {
        this.adapter = adapter;
        this.events = events;
        this.hello = hello;
        this.peer = peer;
        this.initiator = initiator;
        this.line = new UcxEndpoint(adapter.context(), worker, adapter.watchesPeers(), this::fail);
        this.fence = initiator == null ? null : UcxFence.between(hello, initiator, hello);
        line.hear(MESSAGE_ID, message -> adapter.deliver(() -> received(message)));
        line.hear(UcxFence.MESSAGE_ID, message -> adapter.deliver(() -> agreed(message)));
    }

    UcpWorker worker() {
        return line.worker();
    }

    long token() {
        return hello.token();
    }

    /** Tells whether nothing is left of it. */
    boolean isDestroyed() {
        return line.isDestroyed();
    }

    @Override
    public byte[] hello() {
        return hello.encode();
    }

    @Override
    public void establish(byte[] answer) {
        UcxHello other = UcxHello.decode(answer, adapter.wireup());
        UcxAddress to = peer;
        if (to == null || target != null || other.token() != token()) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, "the answer is not for this connection");
        }
        target = other;
        try {
            if (to.wireup() == UcxWireup.ADDRESS) {
                attachTo(other);
            } else {
                line.attach(
                        new UcpEndpointParams().setSocketAddress(to.resolve()).sendClientId());
            }
            fence = UcxFence.between(hello, other, other);
            if (fence != null) {
                fence.say(UcxFence.Word.COME);
            } else {
                line.flush("connecting", () -> adapter.deliver(this::connected));
            }
        } catch (UcxException e) {
            fail("connecting", e);
        } catch (UnknownHostException e) {
            fail("connecting", UcxStatus.UNREACHABLE, "the host " + to.host() + " has no address");
        }
    }

    private void attachTo(UcxHello half) {
        half.requireFormatOf(hello.worker());
        line.attach(half);
    }

    /** The initiator of a target's half has come through the listener. */
    void arrived(UcpEndpointParams parameters) {
        try {
            line.attach(parameters);
            connected();
        } catch (UcxException e) {
            fail("accepting", e);
        }
    }

    /** The initiator of a target's half has sent something. */
    private void come(UcxHello from) {
        if (!line.isAttached() && !isOver()) {
            try {
                attachTo(from);
                connected();
            } catch (UcxException e) {
                fail("accepting", e);
            }
        }
    }

    private void connected() {
        if (!isOver() && !connected) {
            connected = true;
            events.connected();
        }
    }

    boolean isOver() {
        return closed || failed;
    }

    private void received(byte[] message) {
        if (initiator != null) {
            come(initiator);
        }
        if (!closed) {
            events.received(message);
        }
    }

    private void agreed(byte[] message) {
        UcxFence known = fence;
        UcxFence.Word word = known == null ? null : known.heard(message);
        if (known == null || word == null) {
            return;
        }
        switch (word) {
            case COME -> {
                if (initiator != null) {
                    come(initiator);
                    if (line.isAttached() && !isOver()) {
                        known.say(UcxFence.Word.WELCOME);
                    }
                }
            }
            case WELCOME -> connected();
            case ASK, GONE -> fail("the connection", UcxStatus.REJECTED, "the other side closes it");
        }
    }

    /** Looks whether the process of the other half is still there, where UCX does not. */
    void look() {
        if (fence != null && fence.misses()) {
            fail("the connection", UcxStatus.CONNECTION_RESET, "the process of the peer has ended");
        }
    }

    private void fail(String doing, UcxException thrown) {
        fail(doing, thrown.getStatus(), String.valueOf(thrown.getMessage()));
    }

    /** Reported once, however often UCX says so: by exception, by callback and by error handler. */
    private void fail(String doing, int status, String message) {
        if (!isOver()) {
            failed = true;
            adapter.deliver(() -> {
                if (!closed) {
                    events.failed(UcxStatus.code(status), UcxStatus.detail(doing, status, message));
                }
            });
        }
    }

    @Override
    public RdmaRemoteKey importKey(byte[] sealed) {
        return line.importKey(sealed);
    }

    @Override
    public boolean post(RdmaBatch batch) {
        // what is given up is said by failed and closed
        return isOver() || !line.isAttached() || line.post(batch, this::landed);
    }

    private void landed(RdmaBatch batch) {
        adapter.deliver(() -> {
            if (!isOver()) {
                events.applied(batch);
            }
        });
    }

    @Override
    public boolean send(byte[] message) {
        return isOver() || !line.isAttached() || line.send(MESSAGE_ID, message, () -> {});
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            endsBy = adapter.closeDeadline();
            adapter.forget(this);
            line.release();
        }
    }

    /** Makes progress; the last, after a close, destroys the worker, after which nothing lands through it any more. */
    boolean progress() {
        boolean worked = line.progress();
        if (closed && !line.isDestroyed()) {
            end(worked);
        } else if (fence != null) {
            fence.send(line);
        }
        return worked || line.isDestroyed();
    }

    private void end(boolean worked) {
        boolean late = endsBy == null || endsBy.isExpired();
        UcxFence known = fence;
        if (known == null) {
            endIf(!worked || late); // until then the endpoint gives its requests back
        } else if (initiator != null) {
            // one that has not come yet is to hear of it too, if it is there
            endIf(!(line.isAttached() || line.tryAttach(initiator)) || known.isUntouched(line, late));
        } else {
            boolean told = known.isTold(line);
            endIf(told || (late && !reported));
            if (!told && line.isDestroyed()) {
                sayGoodbye(known);
            }
        }
    }

    private void endIf(boolean over) {
        if (over) {
            discard();
            if (!reported) {
                reported = true;
                adapter.deliver(events::closed);
            }
        }
    }

    /** Nothing is in flight any more, but the target does not know it: another worker says so, however long that takes. */
    private void sayGoodbye(UcxFence known) {
        UcxHello other = target;
        if (other == null) {
            return;
        }
        try {
            line = new UcxEndpoint(
                    adapter.context(), adapter.context().newWorker(token()), false, (doing, status, text) -> {});
        } catch (UcxException e) {
            return; // the target waits for the end of this process
        }
        if (line.tryAttach(other)) {
            known.sayAgain(UcxFence.Word.GONE);
        } else {
            discard();
        }
    }

    /** Destroys the worker, with what is left of the connection. */
    void discard() {
        line.destroy();
    }
}
