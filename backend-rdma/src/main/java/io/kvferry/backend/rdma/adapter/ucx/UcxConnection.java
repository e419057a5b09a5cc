package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.backend.rdma.adapter.RdmaBatch;
import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.backend.rdma.adapter.RdmaEvents;
import io.kvferry.backend.rdma.adapter.RdmaRemoteKey;
import io.kvferry.backend.rdma.adapter.SealedBytes;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.openucx.jucx.UcxCallback;
import org.openucx.jucx.UcxException;
import org.openucx.jucx.ucp.UcpAmData;
import org.openucx.jucx.ucp.UcpConnectionRequest;
import org.openucx.jucx.ucp.UcpConstants;
import org.openucx.jucx.ucp.UcpEndpoint;
import org.openucx.jucx.ucp.UcpEndpointParams;
import org.openucx.jucx.ucp.UcpRemoteKey;
import org.openucx.jucx.ucp.UcpRequest;
import org.openucx.jucx.ucp.UcpWorker;

/**
 * One endpoint on a worker of its own. What UCX calls back only counts and queues, and never throws; it is called inside
 * progress, inside a post and inside a close. Objects that UCX refers to are held here until the worker is destroyed,
 * because jucx refers to them weakly. Confined to the owner thread.
 */
final class UcxConnection implements RdmaConnection {
    private static final int MESSAGE_ID = 1;
    private static final int MAX_BATCHES = 128;
    private static final int MAX_CLOSE_TURNS = 10_000;

    private final UcxAdapter adapter;
    private final RdmaEvents events;
    private final long token;
    private final byte[] hello;
    private final UcxAdapter.@Nullable Dial dial;
    private final Set<Key> keys = new HashSet<>();
    private final Outbox outbox = new Outbox();

    private @Nullable UcpWorker worker;
    private @Nullable UcpEndpoint endpoint;
    private @Nullable UcpRequest closing;
    private int closeTurns;
    private int batches;
    private boolean established;
    private boolean failed;
    private boolean closed;
    private boolean destroyed;

    /** @param dial where an initiator's half connects to; null for a target's */
    UcxConnection(UcxAdapter adapter, RdmaEvents events, long token, byte[] hello, UcxAdapter.@Nullable Dial dial) {
        this.adapter = adapter;
        this.events = events;
        this.token = token;
        this.hello = hello;
        this.dial = dial;
    }

    @Nullable
    UcpWorker worker() {
        return worker;
    }

    boolean isDestroyed() {
        return destroyed;
    }

    @Override
    public byte[] hello() {
        return hello.clone();
    }

    @Override
    public void establish(byte[] answer) {
        UcxAdapter.Dial to = dial;
        if (to == null || established || UcxAdapter.tokenOf(answer) != token) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, "the answer is not for this connection");
        }
        established = true;
        try {
            InetSocketAddress address = new InetSocketAddress(InetAddress.getByName(to.host()), to.port());
            open(token, new UcpEndpointParams().setSocketAddress(address).sendClientId());
            require(endpoint).flushNonBlocking(new UcxCallback() {
                @Override
                public void onSuccess(UcpRequest request) {
                    adapter.deliver(UcxConnection.this::connected);
                }

                @Override
                public void onError(int status, String message) {
                    fail("connecting to " + to.host() + ":" + to.port(), status, message);
                }
            });
        } catch (UcxException e) {
            fail("connecting to " + to.host() + ":" + to.port(), e.getStatus(), String.valueOf(e.getMessage()));
        } catch (UnknownHostException e) {
            fail("connecting", -6, "the host " + to.host() + " has no address");
        }
    }

    private void connected() {
        if (!closed && !failed) {
            events.connected();
        }
    }

    /** The initiator of an accepted connection is at the door. */
    void arrived(UcpConnectionRequest request) {
        if (closed) {
            request.reject();
            return;
        }
        try {
            open(null, new UcpEndpointParams().setConnectionRequest(request));
            connected();
        } catch (UcxException e) {
            fail("accepting", e.getStatus(), String.valueOf(e.getMessage()));
        }
    }

    private void open(@Nullable Long clientId, UcpEndpointParams parameters) {
        UcpWorker made = adapter.newWorker(clientId);
        worker = made;
        adapter.add(this);
        made.setAmRecvHandler(MESSAGE_ID, this::received, UcpConstants.UCP_AM_FLAG_WHOLE_MSG);
        if (adapter.watchesPeers()) {
            parameters.setPeerErrorHandlingMode();
        }
        parameters.setErrorHandler((failing, status, message) -> fail("the connection", status, message));
        endpoint = made.newEndpoint(parameters);
    }

    private static UcpEndpoint require(@Nullable UcpEndpoint endpoint) {
        if (endpoint == null) {
            throw new TransferException(
                    TransferErrorCode.CONNECTION_FAILED, Stage.TRANSFER, "the connection is not open");
        }
        return endpoint;
    }

    @SuppressWarnings("restricted") // the length is what UCX says, and checked
    private int received(long header, long bytes, UcpAmData data, UcpEndpoint reply) {
        if (bytes > 0 && bytes <= MAX_MESSAGE_BYTES) {
            byte[] message = MemorySegment.ofAddress(header).reinterpret(bytes).toArray(ValueLayout.JAVA_BYTE);
            adapter.deliver(() -> {
                if (!closed) {
                    events.received(message);
                }
            });
        }
        return UcxStatus.OK;
    }

    /** Reported once, however often UCX says so: by exception, by callback and by error handler. */
    private void fail(String doing, int status, String message) {
        if (!failed && !closed) {
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
            Key key = new Key(require(endpoint).unpackRemoteKey(direct));
            keys.add(key);
            return key;
        } catch (UcxException e) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR,
                    Stage.PREPARE,
                    UcxStatus.detail("unpacking a key", e.getStatus(), String.valueOf(e.getMessage())),
                    e);
        }
    }

    private final class Key implements RdmaRemoteKey {
        private final UcpRemoteKey library;
        private boolean released;

        private Key(UcpRemoteKey library) {
            this.library = library;
        }

        @Override
        public void release() {
            if (!released) {
                released = true;
                keys.remove(this);
                library.close();
            }
        }
    }

    @Override
    public boolean post(RdmaBatch batch) {
        UcpEndpoint open = endpoint;
        if (closed || failed || open == null) {
            return true; // what is given up is said by failed and closed
        }
        if (batches >= MAX_BATCHES) {
            return false;
        }
        batches++;
        boolean write = batch.operation() == Operation.WRITE;
        Flight flight = new Flight(batch, batch.size() + (write ? 1 : 0));
        try {
            for (int i = 0; i < batch.size(); i++) {
                UcpRemoteKey key = ((Key) batch.remote(i)).library;
                UcxMemory memory = (UcxMemory) batch.local(i);
                if (write) {
                    open.putNonBlocking(
                            batch.localAddress(i),
                            batch.length(i),
                            batch.remoteAddress(i),
                            key,
                            flight,
                            memory.parameters());
                } else {
                    open.getNonBlocking(
                            batch.remoteAddress(i),
                            key,
                            batch.localAddress(i),
                            batch.length(i),
                            flight,
                            memory.parameters());
                }
            }
            if (write) {
                // a put's own completion says that its source is free; the flush, that its bytes have arrived
                open.flushNonBlocking(flight);
            }
        } catch (UcxException e) {
            fail("posting", e.getStatus(), String.valueOf(e.getMessage()));
        }
        return true;
    }

    /** Counts what of a batch is still under way. */
    private final class Flight extends UcxCallback {
        private final RdmaBatch batch;
        private int left;

        private Flight(RdmaBatch batch, int left) {
            this.batch = batch;
            this.left = left;
        }

        @Override
        public void onSuccess(UcpRequest request) {
            if (--left == 0) {
                adapter.deliver(() -> {
                    batches--;
                    if (!closed) {
                        events.applied(batch);
                    }
                });
            }
        }

        @Override
        public void onError(int status, String message) {
            fail("moving bytes", status, message);
        }
    }

    @Override
    public boolean send(byte[] message) {
        UcpEndpoint open = endpoint;
        if (closed || failed || open == null) {
            return true;
        }
        try {
            return outbox.send(open, MESSAGE_ID, message, this::fail);
        } catch (UcxException e) {
            fail("sending", e.getStatus(), String.valueOf(e.getMessage()));
            return true;
        }
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        adapter.forget(token);
        if (worker == null) {
            adapter.deliver(events::closed);
            return;
        }
        Set.copyOf(keys).forEach(Key::release);
        UcpEndpoint open = endpoint;
        if (open != null && adapter.watchesPeers()) {
            try {
                closing = open.closeNonBlockingForce();
            } catch (UcxException e) {
                closing = null; // destroying the worker takes the endpoint with it
            }
        }
    }

    /** Makes progress; the last, after a close, destroys the worker, after which nothing lands through it any more. */
    boolean progress() {
        UcpWorker mine = worker;
        if (mine == null || destroyed) {
            return false;
        }
        boolean worked = UcxAdapter.progress(mine);
        if (!closed) {
            return worked;
        }
        UcpRequest request = closing;
        if (request == null || request.isCompleted() || ++closeTurns > MAX_CLOSE_TURNS) {
            destroyed = true;
            adapter.destroy(mine);
            worker = null;
            endpoint = null;
            outbox.close();
            adapter.deliver(events::closed);
        }
        return true;
    }
}
