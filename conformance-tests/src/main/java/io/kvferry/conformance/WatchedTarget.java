package io.kvferry.conformance;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferStatus;

/** The target's side of a backend's transfer, watched. */
final class WatchedTarget implements TargetTransfer {
    private final TargetTransfer delegate;
    private final WatchedSide side;
    private final Watch watch;
    private final Descriptor descriptor;

    WatchedTarget(TargetTransfer delegate, WatchedSide side, Watch watch) {
        this.delegate = delegate;
        this.side = side;
        this.watch = watch;
        this.descriptor = delegate.descriptor();
    }

    @Override
    public Descriptor descriptor() {
        if (!descriptor.equals(delegate.descriptor())) {
            watch.violated("backend: " + side + " answers another descriptor each time");
        }
        return descriptor;
    }

    @Override
    public TransferStatus status() {
        return delegate.status();
    }

    @Override
    public void seal() {
        watch.called("seal");
        delegate.seal();
    }

    @Override
    public Quiescence finish(Deadline grace) {
        watch.called("target.finish");
        return side.finish(watch.faults().next("target.finish"), () -> delegate.finish(grace));
    }
}
