package io.kvferry.node;

import io.kvferry.engine.Transfer;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.TransferStatus;

/**
 * Cancels a transfer that stands still, so that the next holder gets its chance before the deadline.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class StandstillGuard implements AutoCloseable {
    private final NodeContext node;
    private final Transfer transfer;
    private final Object lock = new Object();
    // guarded by lock
    private Scheduler.Scheduled next;
    private boolean closed;
    private long lastBytes;

    private StandstillGuard(NodeContext node, Transfer transfer) {
        this.node = node;
        this.transfer = transfer;
        this.next = schedule();
    }

    static StandstillGuard start(NodeContext node, Transfer transfer) {
        return new StandstillGuard(node, transfer);
    }

    private Scheduler.Scheduled schedule() {
        return node.engine().scheduler().schedule(node.after(NodeConfigKeys.HOLDER_TIMEOUT), this::check);
    }

    private void check() {
        TransferStatus status = transfer.status();
        synchronized (lock) {
            if (closed || status.state().isEnded()) {
                return;
            }
            if (status.bytesDone() > lastBytes) {
                lastBytes = status.bytesDone();
                next = schedule();
                return;
            }
        }
        transfer.cancel();
    }

    @Override
    public void close() {
        synchronized (lock) {
            closed = true;
            next.cancel();
        }
    }
}
