package io.kvferry.backend.mooncake;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferStatus;
import java.util.concurrent.atomic.AtomicBoolean;

/** The target's side of a transfer: its window. Thread-safe. */
final class WireTarget implements TargetTransfer {
    private final Window window;
    private final Descriptor descriptor;
    private final Runnable sealed;
    private final AtomicBoolean closed = new AtomicBoolean();

    /** @param sealed runs once, when peers must not find the window any more */
    WireTarget(Window window, Descriptor descriptor, Runnable sealed) {
        this.window = window;
        this.descriptor = descriptor;
        this.sealed = sealed;
    }

    @Override
    public Descriptor descriptor() {
        return descriptor;
    }

    @Override
    public TransferStatus status() {
        return window.transfer().tally().status();
    }

    @Override
    public void seal() {
        window.transfer().tally().gate().seal();
        close();
    }

    @Override
    public Quiescence finish(Deadline grace) {
        Quiescence quiescence = window.transfer().tally().finish();
        close();
        return quiescence;
    }

    private void close() {
        if (closed.compareAndSet(false, true)) {
            sealed.run();
        }
    }
}
