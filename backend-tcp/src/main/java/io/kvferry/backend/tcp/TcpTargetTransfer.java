package io.kvferry.backend.tcp;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferStatus;

/** The target's side of a transfer: its lease. Thread-safe. */
final class TcpTargetTransfer implements TargetTransfer {
    private final TcpTransfer transfer;
    private final Descriptor descriptor;

    TcpTargetTransfer(TcpTransfer transfer, long instance) {
        this.transfer = transfer;
        this.descriptor = new TcpDescriptor(
                        instance,
                        transfer.lease(),
                        transfer.blocks().size(),
                        transfer.blocks().totalBytes())
                .encode();
    }

    @Override
    public Descriptor descriptor() {
        return descriptor;
    }

    @Override
    public TransferStatus status() {
        return transfer.status();
    }

    @Override
    public void seal() {
        transfer.gate().seal();
    }

    @Override
    public String lanes() {
        return transfer.lanes();
    }

    @Override
    public Quiescence finish(Deadline grace) {
        return transfer.finish();
    }
}
