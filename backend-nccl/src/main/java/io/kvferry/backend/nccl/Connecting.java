package io.kvferry.backend.nccl;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TimedWait;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.CompletableFuture;

/**
 * Gets one initiator's transfer a connection: the one there is, or one that another transfer is making, or a new one. Blocks
 * its caller, and nobody else. A connection that the target makes too is not given up with the transfer that began it: the
 * next attempt finds it, however short its own deadline.
 */
final class Connecting {
    /** A connection that ends just as it is found is looked for again, but not for ever. */
    private static final int MAX_TRIES = 4;

    /** @param leads whether it begins for this transfer */
    private record Found(Connection connection, boolean leads) {}

    private final Services services;
    private final Scheduler scheduler;
    private final Connection.Key key;
    private final Handshake target;

    Connecting(Services services, Scheduler scheduler, Connection.Key key, Handshake target) {
        this.services = services;
        this.scheduler = scheduler;
        this.key = key;
        this.target = target;
    }

    /** Returns once the transfer is bound to an open connection. */
    void connect(NcclInitiator transfer, Deadline deadline) {
        for (int tries = 0; tries < MAX_TRIES; tries++) {
            Found found = get(services.device().call(() -> find(transfer, deadline)), deadline);
            try {
                get(transfer.orGone(found.connection().opened()), deadline);
                if (get(services.device().call(() -> bind(transfer, found.connection())), deadline)) {
                    return;
                }
            } catch (TransferException e) {
                if (found.leads()) {
                    giveUp(transfer, found.connection(), e);
                }
                // what another transfer could not make, this one may
                if (found.leads() || transfer.isGone() || deadline.isExpired()) {
                    throw e;
                }
            }
        }
        throw new TransferException(
                TransferErrorCode.CONNECTION_FAILED, Stage.PREPARE, "connections with " + key.peer() + " end at once");
    }

    private <T> T get(CompletableFuture<T> future, Deadline deadline) {
        return TimedWait.await(
                future,
                deadline,
                scheduler,
                Stage.PREPARE,
                "connecting to " + key.peer() + " with NCCL (" + Connection.ADVICE + ")");
    }

    private Found find(NcclInitiator transfer, Deadline deadline) {
        Connections connections = services.connections();
        Connection known = connections.find(key);
        if (known != null && known.number() == target.connection() && !target.known()) {
            known.end(TransferErrorCode.TRANSFER_FAILED, "the target has ended the connection");
            known = connections.find(key);
        }
        if (known != null) {
            return new Found(known, false);
        }
        if (deadline.isExpired()) {
            // the caller has gone: no id is made, and no thread inside NCCL waits for it
            throw new TransferException(
                    TransferErrorCode.DEADLINE_EXCEEDED, Stage.PREPARE, "the deadline passed before connecting began");
        }
        return new Found(connections.begin(key, transfer::invite), true);
    }

    /** Where nobody has said that the target connects too, NCCL would wait for it in vain. */
    private void giveUp(NcclInitiator transfer, Connection connection, TransferException cause) {
        if (!connection.isPeerJoining()) {
            String detail = cause.error().detail();
            transfer.disinvite(connection.number(), detail);
            services.device().execute(() -> connection.end(TransferErrorCode.CONNECTION_FAILED, detail));
        }
    }

    private static boolean bind(NcclInitiator transfer, Connection connection) {
        if (!connection.isOpen()) {
            return false;
        }
        transfer.bind(connection);
        return true;
    }
}
