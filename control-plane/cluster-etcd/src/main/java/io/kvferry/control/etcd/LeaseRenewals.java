package io.kvferry.control.etcd;

import io.etcd.jetcd.api.LeaseGrpc;
import io.etcd.jetcd.api.LeaseKeepAliveRequest;
import io.etcd.jetcd.api.LeaseKeepAliveResponse;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Renews leases over one stream, which is opened when it is needed and again after it broke. The client's own way either opens
 * a stream for each renewal or renews by its own clock, whether a node lives or not.
 *
 * <p><b>Threads:</b> Thread-safe; nothing blocks. The lock is held while requests are handed to gRPC.
 */
final class LeaseRenewals {
    private final EtcdConnection connection;
    private final Consumer<Status> whenAnswered;

    private final Object lock = new Object();
    // all guarded by lock
    /** Asked for and not answered: another request would add nothing. */
    private final Set<Long> unanswered = new HashSet<>();

    private @Nullable ClientCall<LeaseKeepAliveRequest, LeaseKeepAliveResponse> stream;
    private boolean closed;

    /**
     * Makes it; nothing is opened yet.
     *
     * @param whenAnswered told OK for each answer, and why the stream broke; called without the lock
     */
    LeaseRenewals(EtcdConnection connection, Consumer<Status> whenAnswered) {
        this.connection = connection;
        this.whenAnswered = whenAnswered;
    }

    void renew(long lease) {
        synchronized (lock) {
            if (closed || !unanswered.add(lease)) {
                return;
            }
            ClientCall<LeaseKeepAliveRequest, LeaseKeepAliveResponse> open = stream == null ? open() : stream;
            if (open == null) {
                unanswered.remove(lease);
                return;
            }
            open.sendMessage(LeaseKeepAliveRequest.newBuilder().setID(lease).build());
        }
    }

    private @Nullable ClientCall<LeaseKeepAliveRequest, LeaseKeepAliveResponse> open() {
        ClientCall<LeaseKeepAliveRequest, LeaseKeepAliveResponse> opened =
                connection.newCall(LeaseGrpc.getLeaseKeepAliveMethod());
        if (opened != null) {
            stream = opened;
            opened.start(new Answers(opened), new Metadata());
            opened.request(1);
        }
        return opened;
    }

    void close() {
        ClientCall<LeaseKeepAliveRequest, LeaseKeepAliveResponse> open;
        synchronized (lock) {
            closed = true;
            open = stream;
            stream = null;
        }
        if (open != null) {
            open.cancel("the store is closed", null);
        }
    }

    private final class Answers extends ClientCall.Listener<LeaseKeepAliveResponse> {
        private final ClientCall<LeaseKeepAliveRequest, LeaseKeepAliveResponse> call;

        Answers(ClientCall<LeaseKeepAliveRequest, LeaseKeepAliveResponse> call) {
            this.call = call;
        }

        @Override
        public void onMessage(LeaseKeepAliveResponse answer) {
            synchronized (lock) {
                // whether the lease is still there is of no interest: the watch tells when it ends
                unanswered.remove(answer.getID());
            }
            call.request(1);
            whenAnswered.accept(Status.OK);
        }

        @Override
        @SuppressWarnings("ReferenceEquality") // whether it is this very stream that has ended
        public void onClose(Status status, Metadata trailers) {
            boolean wasClosed;
            synchronized (lock) {
                if (stream == call) {
                    stream = null;
                    unanswered.clear();
                }
                wasClosed = closed;
            }
            if (!wasClosed) {
                whenAnswered.accept(status.isOk() ? Status.UNAVAILABLE : status);
            }
        }
    }
}
