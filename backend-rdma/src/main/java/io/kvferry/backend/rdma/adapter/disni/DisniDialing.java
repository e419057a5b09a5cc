package io.kvferry.backend.rdma.adapter.disni;

import com.ibm.disni.verbs.RdmaCmEvent.EventType;
import com.ibm.disni.verbs.RdmaCmId;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * An initiator's way to a connection, event by event, all of it under one deadline: DiSNI's own connect waits without one
 * and takes a refusal for nothing. Confined to the owner thread.
 */
final class DisniDialing {
    private final DisniAdapter adapter;
    private final InetSocketAddress where;
    private final DisniConnection connection;
    private final Deadline deadline;
    private final RdmaCmId id;
    private @Nullable DisniQueuePair pair;

    /**
     * Begins to resolve the peer's address.
     *
     * @throws IOException if the library refuses
     */
    DisniDialing(DisniAdapter adapter, InetSocketAddress where, DisniConnection connection) throws IOException {
        this.adapter = adapter;
        this.where = where;
        this.connection = connection;
        this.deadline = adapter.settings().connectDeadline();
        this.id = adapter.device().newId();
        adapter.switchboard().route(id, connection);
        try {
            id.resolveAddr(null, where, millis());
        } catch (IOException e) {
            adapter.switchboard().destroy(id);
            throw e;
        }
    }

    private int millis() {
        return Math.clamp(TimeUnit.NANOSECONDS.toMillis(deadline.remainingNanos()), 1, Integer.MAX_VALUE);
    }

    /** Fails the connection if it takes too long. */
    void watch() {
        if (deadline.isExpired()) {
            connection.fail(
                    TransferErrorCode.CONNECTION_FAILED,
                    "no connection to " + where + " within " + DisniConfigKeys.CONNECT_TIMEOUT.name() + "="
                            + adapter.settings().connectTimeout().toMillis() + "ms");
        }
    }

    void heard(EventType event) {
        try {
            switch (event) {
                case RDMA_CM_EVENT_ADDR_RESOLVED -> resolved();
                case RDMA_CM_EVENT_ROUTE_RESOLVED ->
                    id.connect(adapter.settings().connectionParameters());
                case RDMA_CM_EVENT_ESTABLISHED -> established();
                case RDMA_CM_EVENT_ADDR_ERROR,
                        RDMA_CM_EVENT_ROUTE_ERROR,
                        RDMA_CM_EVENT_CONNECT_ERROR,
                        RDMA_CM_EVENT_UNREACHABLE,
                        RDMA_CM_EVENT_REJECTED,
                        RDMA_CM_EVENT_DISCONNECTED,
                        RDMA_CM_EVENT_DEVICE_REMOVAL ->
                    fail(event + "; does a node listen there, and is there a route?");
                default -> {
                    // of multicast, or after the end
                }
            }
        } catch (IOException e) {
            fail(DisniDevice.text(e));
        } catch (TransferException e) {
            connection.fail(e.code(), e.error().detail());
        }
    }

    private void resolved() throws IOException {
        if (!adapter.device().carries(id)) {
            fail("the way leads over another device than the one of "
                    + adapter.device().address() + ", and DiSNI cannot choose");
            return;
        }
        pair = adapter.newPair(id);
        id.resolveRoute(millis());
    }

    private void established() {
        DisniQueuePair made = pair;
        if (made != null) {
            connection.dialed(made);
        }
    }

    private void fail(String detail) {
        connection.fail(TransferErrorCode.CONNECTION_FAILED, "connecting to " + where + ": " + detail);
    }

    /** Destroys what there is of it. */
    void abandon() {
        if (pair != null) {
            pair.close();
        }
        adapter.switchboard().destroy(id);
    }
}
