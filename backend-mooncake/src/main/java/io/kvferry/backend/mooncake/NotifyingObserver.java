package io.kvferry.backend.mooncake;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferObserver;
import java.util.concurrent.atomic.AtomicInteger;

/** Tells somebody else too, how a transfer ends. Thread-safe. */
final class NotifyingObserver implements TransferObserver {
    private final TransferObserver observer;
    private final AtomicInteger left;
    private final Runnable complete;
    private final Runnable failed;

    /**
     * @param blocks how many there are
     * @param complete runs once, after the last block was applied
     * @param failed runs when the transfer fails
     */
    NotifyingObserver(TransferObserver observer, int blocks, Runnable complete, Runnable failed) {
        this.observer = observer;
        this.left = new AtomicInteger(blocks);
        this.complete = complete;
        this.failed = failed;
    }

    @Override
    public void applied(BlockRange blocks) {
        observer.applied(blocks);
        if (left.addAndGet(-blocks.count()) == 0) {
            complete.run();
        }
    }

    @Override
    public void failed(TransferError error) {
        failed.run();
        observer.failed(error);
    }

    @Override
    public void quiesced() {
        observer.quiesced();
    }
}
