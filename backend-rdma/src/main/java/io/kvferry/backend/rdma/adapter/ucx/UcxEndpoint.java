package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.backend.rdma.adapter.RdmaBatch;
import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.backend.rdma.adapter.SealedBytes;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.openucx.jucx.UcxCallback;
import org.openucx.jucx.UcxException;
import org.openucx.jucx.ucp.UcpConstants;
import org.openucx.jucx.ucp.UcpEndpoint;
import org.openucx.jucx.ucp.UcpEndpointParams;
import org.openucx.jucx.ucp.UcpRequest;
import org.openucx.jucx.ucp.UcpWorker;

/**
 * A worker with one endpoint, and what UCX refers to as long as they live: keys, messages under way, callbacks, which jucx
 * itself refers to weakly. Made by any thread, then confined to the owner thread.
 */
final class UcxEndpoint {
    private static final int MAX_BATCHES = 128;

    private final UcxContext context;
    private final UcpWorker worker;
    private final boolean watchesPeer;
    private final UcxFailure failure;
    private final Set<UcxRemoteKey> keys = new HashSet<>();
    private final Outbox outbox = new Outbox();
    private @Nullable UcpEndpoint library;
    private int batches;
    private boolean destroyed;

    /**
     * Makes one that is attached to nobody yet.
     *
     * @param worker belongs to it from now on
     * @param watchesPeer whether UCX is to say when the other end is lost
     * @param failure hears what fails later, from inside UCX
     */
    UcxEndpoint(UcxContext context, UcpWorker worker, boolean watchesPeer, UcxFailure failure) {
        this.context = context;
        this.worker = worker;
        this.watchesPeer = watchesPeer;
        this.failure = failure;
    }

    UcpWorker worker() {
        return worker;
    }

    /** Hears messages with an id, which are copied, from inside UCX; the handler must not throw. */
    void hear(int id, Consumer<byte[]> handler) {
        worker.setAmRecvHandler(
                id,
                (header, bytes, data, sender) -> {
                    if (bytes > 0 && bytes <= RdmaConnection.MAX_MESSAGE_BYTES) {
                        handler.accept(copy(header, bytes));
                    }
                    return UcxStatus.OK;
                },
                UcpConstants.UCP_AM_FLAG_WHOLE_MSG);
    }

    @SuppressWarnings("restricted") // the length is what UCX says, and checked
    private static byte[] copy(long header, long bytes) {
        return MemorySegment.ofAddress(header).reinterpret(bytes).toArray(ValueLayout.JAVA_BYTE);
    }

    boolean isAttached() {
        return library != null;
    }

    /** Reaches a peer from here on. Throws UcxException where there is none. */
    void attach(UcpEndpointParams parameters) {
        if (watchesPeer) {
            parameters.setPeerErrorHandlingMode();
        }
        parameters.setErrorHandler((failing, status, message) -> failure.failed("the connection", status, message));
        library = worker.newEndpoint(parameters);
    }

    /** Reaches another worker by its address. */
    void attach(UcxHello half) {
        ByteBuffer address = ByteBuffer.allocateDirect(half.worker().length);
        attach(new UcpEndpointParams().setUcpAddress(address.put(half.worker()).flip()));
    }

    /** Reaches another worker by its address, if it is still there. */
    boolean tryAttach(UcxHello half) {
        try {
            attach(half);
            return true;
        } catch (UcxException e) {
            return false;
        }
    }

    /** Tells once, from inside progress, that everything begun before has arrived. */
    void flush(String doing, Runnable arrived) {
        UcpRequest ignored = attached().flushNonBlocking(new UcxCallback() {
            @Override
            public void onSuccess(UcpRequest request) {
                arrived.run();
            }

            @Override
            public void onError(int status, String message) {
                failure.failed(doing, status, message);
            }
        });
    }

    private UcpEndpoint attached() {
        UcpEndpoint known = library;
        if (known == null) {
            throw new TransferException(
                    TransferErrorCode.CONNECTION_FAILED, Stage.TRANSFER, "the connection is not open");
        }
        return known;
    }

    UcxRemoteKey importKey(byte[] sealed) {
        ByteBuffer content = SealedBytes.open(UcxMemory.KEY_MAGIC, sealed, "a key");
        ByteBuffer direct = ByteBuffer.allocateDirect(content.remaining());
        direct.put(content).flip();
        try {
            return new UcxRemoteKey(attached().unpackRemoteKey(direct), keys);
        } catch (UcxException e) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, UcxStatus.detail("unpacking a key", e), e);
        }
    }

    /**
     * Begins a batch.
     *
     * @param landed hears from inside UCX, once, that nothing of it is under way any more
     * @return false, and nothing was begun, while too many are under way
     */
    boolean post(RdmaBatch batch, Consumer<RdmaBatch> landed) {
        if (batches >= MAX_BATCHES) {
            return false;
        }
        batches++;
        try {
            new Flight(batch, failure, done -> {
                        batches--;
                        landed.accept(done);
                    })
                    .post(attached());
        } catch (UcxException e) {
            failure.failed("posting", e.getStatus(), String.valueOf(e.getMessage()));
        }
        return true;
    }

    boolean isIdle() {
        return batches == 0;
    }

    /**
     * Sends a message.
     *
     * @param id of the handler that hears it
     * @param taken runs when UCX has taken it
     * @return false while no slot is free
     */
    boolean send(int id, byte[] message, Runnable taken) {
        try {
            return outbox.send(attached(), id, message, taken, failure);
        } catch (UcxException e) {
            failure.failed("sending", e.getStatus(), String.valueOf(e.getMessage()));
            return true;
        }
    }

    /** Lets go of what is under way, where UCX can: over transports that watch their peers. */
    void release() {
        UcpEndpoint known = library;
        if (known != null && watchesPeer) {
            try {
                UcpRequest ignored = known.closeNonBlockingForce();
            } catch (UcxException e) {
                library = null; // destroying the worker takes the endpoint with it
            }
        }
    }

    boolean progress() {
        return !destroyed && UcxConnections.progress(worker);
    }

    boolean isDestroyed() {
        return destroyed;
    }

    /** Destroys the worker, with all that is left of it. Idempotent. */
    void destroy() {
        if (destroyed) {
            return;
        }
        destroyed = true;
        Set.copyOf(keys).forEach(UcxRemoteKey::release);
        context.destroy(worker);
        library = null;
        outbox.close();
    }
}
