package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.backend.rdma.adapter.posix.WaitSet;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.openucx.jucx.UcxException;
import org.openucx.jucx.ucp.UcpWorker;

/** The workers of an adapter, as its owner thread drives them and waits for them. {@link #add} any thread; the rest is its. */
final class UcxConnections {
    /** A wait that ends at once, time and again, would keep the processes of peers from being looked at. */
    private static final int MAX_BUSY_AWAITS = 256;

    private final Queue<UcxConnection> arrivals = new ConcurrentLinkedQueue<>();
    private final List<UcxConnection> live = new ArrayList<>();
    private int busyAwaits;

    void add(UcxConnection connection) {
        arrivals.add(connection);
    }

    boolean isEmpty() {
        return live.isEmpty() && arrivals.isEmpty();
    }

    boolean progress() {
        boolean worked = false;
        for (UcxConnection arrival = arrivals.poll(); arrival != null; arrival = arrivals.poll()) {
            live.add(arrival);
            worked = true;
        }
        for (int i = live.size() - 1; i >= 0; i--) {
            UcxConnection connection = live.get(i);
            worked |= connection.progress();
            if (connection.isDestroyed()) {
                live.remove(i);
            }
        }
        return worked;
    }

    static boolean progress(UcpWorker worker) {
        try {
            return worker.progress() != 0;
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** Adds what to wait for. Returns false if there is something to do already. */
    boolean watch(WaitSet waits) {
        for (UcxConnection connection : live) {
            if (!connection.isDestroyed() && !watch(waits, connection.worker())) {
                return false;
            }
        }
        return true;
    }

    static boolean watch(WaitSet waits, UcpWorker worker) {
        try {
            worker.arm();
        } catch (UcxException e) {
            if (e.getStatus() == UcxStatus.BUSY) {
                return false;
            }
            throw e;
        }
        waits.add(worker.getEventFD());
        return true;
    }

    /** Looks after the processes of peers, after a wait, now and then. */
    void awaited(boolean happened) {
        if (!happened || ++busyAwaits >= MAX_BUSY_AWAITS) {
            busyAwaits = 0;
            live.forEach(UcxConnection::look);
        }
    }
}
