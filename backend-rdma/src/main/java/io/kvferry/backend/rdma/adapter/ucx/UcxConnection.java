package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.backend.rdma.adapter.RdmaBatch;
import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.backend.rdma.adapter.RdmaEvents;
import io.kvferry.backend.rdma.adapter.RdmaRemoteKey;
import io.kvferry.backend.rdma.adapter.SealedBytes;
import io.kvferry.backend.rdma.adapter.posix.Posix;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.openucx.jucx.UcxCallback;
import org.openucx.jucx.UcxException;
import org.openucx.jucx.ucp.UcpAmData;
import org.openucx.jucx.ucp.UcpConstants;
import org.openucx.jucx.ucp.UcpEndpoint;
import org.openucx.jucx.ucp.UcpEndpointParams;
import org.openucx.jucx.ucp.UcpRequest;
import org.openucx.jucx.ucp.UcpWorker;

/**
 * One endpoint on a worker of its own. What UCX calls back only counts and queues, and never throws; it is called inside
 * progress, inside a post and inside a close. Objects that UCX refers to are held here until the worker is destroyed,
 * because jucx refers to them weakly. Made by any thread, then confined to the owner thread.
 */
final class UcxConnection implements RdmaConnection {
    private static final int MESSAGE_ID = 1;
    private static final int MAX_BATCHES = 128;

    private final UcxAdapter adapter;
    private final RdmaEvents events;
    private final UcpWorker worker;
    private final UcxHello hello;
    private final @Nullable UcxAddress peer;
    private final @Nullable UcxHello initiator;
    private final Set<UcxRemoteKey> keys = new HashSet<>();
    private final Outbox outbox = new Outbox();
    private final @Nullable UcxFence fence;

    private @Nullable UcpEndpoint endpoint;

    /** To a target that asked before this half was connected to it. */
    private @Nullable UcpEndpoint reply;

    private @Nullable Deadline endsBy;
    private int batches;
    private boolean established;
    private boolean failed;
    private boolean closed;
    private boolean destroyed;

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
        this.worker = worker;
        this.hello = hello;
        this.peer = peer;
        this.initiator = initiator;
        boolean beside = initiator == null || initiator.process().isBeside(hello.process());
        boolean byAddress = adapter.wireup() == UcxWireup.ADDRESS;
        this.fence = byAddress && beside && !adapter.watchesPeers() ? new UcxFence() : null;
        if (initiator != null) {
            meet(initiator);
        }
        worker.setAmRecvHandler(MESSAGE_ID, this::received, UcpConstants.UCP_AM_FLAG_WHOLE_MSG);
        worker.setAmRecvHandler(UcxFence.MESSAGE_ID, this::fenced, UcpConstants.UCP_AM_FLAG_WHOLE_MSG);
    }

    private void meet(UcxHello other) {
        if (fence != null && other.process().isBeside(hello.process())) {
            fence.meet(other.process());
        }
    }

    UcpWorker worker() {
        return worker;
    }

    long token() {
        return hello.token();
    }

    boolean isDestroyed() {
        return destroyed;
    }

    @Override
    public byte[] hello() {
        return hello.encode();
    }

    @Override
    public void establish(byte[] answer) {
        UcxHello target = UcxHello.decode(answer, adapter.wireup());
        UcxAddress to = peer;
        if (to == null || established || target.token() != token()) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, "the answer is not for this connection");
        }
        established = true;
        meet(target);
        try {
            attach(
                    to.wireup() == UcxWireup.ADDRESS
                            ? towards(target)
                            : new UcpEndpointParams()
                                    .setSocketAddress(to.resolve())
                                    .sendClientId());
            open().flushNonBlocking(new UcxCallback() {
                @Override
                public void onSuccess(UcpRequest request) {
                    adapter.deliver(UcxConnection.this::connected);
                }

                @Override
                public void onError(int status, String message) {
                    fail("connecting", status, message);
                }
            });
        } catch (UcxException e) {
            fail("connecting", e);
        } catch (UnknownHostException e) {
            fail("connecting", UcxStatus.UNREACHABLE, "the host " + to.host() + " has no address");
        }
    }

    private UcpEndpointParams towards(UcxHello half) {
        half.requireFormatOf(hello.worker());
        ByteBuffer address = ByteBuffer.allocateDirect(half.worker().length);
        return new UcpEndpointParams().setUcpAddress(address.put(half.worker()).flip());
    }

    /** The initiator of a target's half is there: through the listener, or by its first message. */
    void arrived(UcpEndpointParams parameters) {
        try {
            attach(parameters);
            connected();
        } catch (UcxException e) {
            fail("accepting", e);
        }
    }

    private void attach(UcpEndpointParams parameters) {
        if (adapter.watchesPeers()) {
            parameters.setPeerErrorHandlingMode();
        }
        parameters.setErrorHandler((failing, status, message) -> fail("the connection", status, message));
        endpoint = worker.newEndpoint(parameters);
    }

    private void connected() {
        if (!isOver()) {
            events.connected();
        }
    }

    boolean isOver() {
        return closed || failed;
    }

    private UcpEndpoint open() {
        UcpEndpoint open = endpoint;
        if (open == null) {
            throw new TransferException(
                    TransferErrorCode.CONNECTION_FAILED, Stage.TRANSFER, "the connection is not open");
        }
        return open;
    }

    private int received(long header, long bytes, UcpAmData data, UcpEndpoint sender) {
        if (bytes > 0 && bytes <= MAX_MESSAGE_BYTES) {
            byte[] message = copy(header, bytes);
            adapter.deliver(() -> {
                UcxHello from = initiator;
                if (endpoint == null && from != null && !isOver()) {
                    arrived(towards(from));
                }
                if (!closed) {
                    events.received(message);
                }
            });
        }
        return UcxStatus.OK;
    }

    private int fenced(long header, long bytes, UcpAmData data, @Nullable UcpEndpoint sender) {
        UcxFence known = fence;
        if (known != null && bytes == 1) {
            byte said = copy(header, bytes)[0];
            adapter.deliver(() -> {
                known.heard(said);
                reply = sender;
                fail("the connection", UcxStatus.REJECTED, "the other side closes it");
            });
        }
        return UcxStatus.OK;
    }

    @SuppressWarnings("restricted") // the length is what UCX says, and checked
    private static byte[] copy(long header, long bytes) {
        return MemorySegment.ofAddress(header).reinterpret(bytes).toArray(ValueLayout.JAVA_BYTE);
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
        ByteBuffer content = SealedBytes.open(UcxMemory.KEY_MAGIC, sealed, "a key");
        ByteBuffer direct = ByteBuffer.allocateDirect(content.remaining());
        direct.put(content).flip();
        try {
            return new UcxRemoteKey(open().unpackRemoteKey(direct), keys);
        } catch (UcxException e) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, UcxStatus.detail("unpacking a key", e), e);
        }
    }

    @Override
    public boolean post(RdmaBatch batch) {
        UcpEndpoint open = endpoint;
        if (isOver() || open == null) {
            return true; // what is given up is said by failed and closed
        }
        if (batches >= MAX_BATCHES) {
            return false;
        }
        batches++;
        try {
            new Flight(batch, this::fail, this::landed).post(open);
        } catch (UcxException e) {
            fail("posting", e);
        }
        return true;
    }

    private void landed(RdmaBatch batch) {
        adapter.deliver(() -> {
            batches--;
            if (!isOver()) {
                events.applied(batch);
            }
        });
    }

    @Override
    public boolean send(byte[] message) {
        UcpEndpoint open = endpoint;
        if (isOver() || open == null) {
            return true;
        }
        try {
            return outbox.send(open, MESSAGE_ID, message, 0, () -> {}, this::fail);
        } catch (UcxException e) {
            fail("sending", e);
            return true;
        }
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        endsBy = adapter.closeDeadline();
        adapter.forget(this);
        UcpEndpoint open = endpoint;
        if (open != null && adapter.watchesPeers()) {
            try {
                open.closeNonBlockingForce();
            } catch (UcxException e) {
                endpoint = null; // destroying the worker takes the endpoint with it
            }
        }
    }

    /** Makes progress; the last, after a close, destroys the worker, after which nothing lands through it any more. */
    boolean progress() {
        if (destroyed) {
            return false;
        }
        boolean worked = UcxAdapter.progress(worker);
        if (!closed || !mayEnd(worked)) {
            return worked;
        }
        discard();
        adapter.deliver(events::closed);
        return true;
    }

    private boolean mayEnd(boolean worked) {
        boolean late = endsBy == null || endsBy.isExpired();
        UcxFence known = fence;
        UcxHello from = initiator;
        if (known == null) {
            return !worked || late; // the endpoint has given its requests back
        }
        if (from == null) {
            return late || known.isGone(endpoint == null ? reply : endpoint, batches == 0, outbox);
        }
        try {
            if (endpoint == null) {
                attach(towards(from));
            }
            return known.isAnswered(open(), outbox);
        } catch (UcxException e) {
            return Posix.canOpenMore(); // an initiator's worker that is not found is no more
        }
    }

    /** Destroys the worker, with what is left of the connection. */
    void discard() {
        destroyed = true;
        Set.copyOf(keys).forEach(UcxRemoteKey::release);
        adapter.context().destroy(worker);
        endpoint = null;
        reply = null;
        outbox.close();
    }
}
