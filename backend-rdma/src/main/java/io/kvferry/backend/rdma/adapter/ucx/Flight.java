package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.backend.rdma.adapter.RdmaBatch;
import io.kvferry.spi.Operation;
import java.util.function.Consumer;
import org.openucx.jucx.UcxCallback;
import org.openucx.jucx.ucp.UcpEndpoint;
import org.openucx.jucx.ucp.UcpRemoteKey;
import org.openucx.jucx.ucp.UcpRequest;
import org.openucx.jucx.ucp.UcpRequestParams;

/** A batch under way. Calls back inside progress, or inside the post itself. Confined to the owner thread. */
final class Flight extends UcxCallback {
    private final RdmaBatch batch;
    private final UcxFailure failure;
    private final Consumer<RdmaBatch> over;
    private int left;

    /**
     * Begins nothing yet.
     *
     * @param failure hears of each operation that fails
     * @param over hears, once, that nothing of the batch is under way any more
     */
    Flight(RdmaBatch batch, UcxFailure failure, Consumer<RdmaBatch> over) {
        this.batch = batch;
        this.failure = failure;
        this.over = over;
        // a put's own completion says that its source is free; the flush, that its bytes have arrived
        this.left = batch.size() + (batch.operation() == Operation.WRITE ? 1 : 0);
    }

    void post(UcpEndpoint endpoint) {
        boolean write = batch.operation() == Operation.WRITE;
        for (int i = 0; i < batch.size(); i++) {
            UcpRemoteKey key = ((UcxRemoteKey) batch.remote(i)).library();
            UcpRequestParams local = ((UcxMemory) batch.local(i)).parameters();
            long here = batch.localAddress(i);
            long there = batch.remoteAddress(i);
            if (write) {
                endpoint.putNonBlocking(here, batch.length(i), there, key, this, local);
            } else {
                endpoint.getNonBlocking(there, key, here, batch.length(i), this, local);
            }
        }
        if (write) {
            endpoint.flushNonBlocking(this);
        }
    }

    @Override
    public void onSuccess(UcpRequest request) {
        if (--left == 0) {
            over.accept(batch);
        }
    }

    @Override
    public void onError(int status, String message) {
        failure.failed("moving bytes", status, message);
        if (--left == 0) {
            over.accept(batch);
        }
    }
}
