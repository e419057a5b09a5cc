package io.kvferry.control.peer;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import io.kvferry.control.grpc.CallErrors;
import io.kvferry.spi.TransferError;
import java.util.concurrent.atomic.AtomicBoolean;

/** The target's end of a channel's stream. */
final class TargetStream implements MessageStream {
    private final ServerCall<byte[], byte[]> call;
    private final AtomicBoolean ended = new AtomicBoolean();

    TargetStream(ServerCall<byte[], byte[]> call) {
        this.call = call;
    }

    @Override
    public boolean isReady() {
        return call.isReady();
    }

    @Override
    public void write(byte[] frame) {
        call.sendMessage(frame);
    }

    @Override
    public void request(int frames) {
        call.request(frames);
    }

    @Override
    public void end() {
        if (ended.compareAndSet(false, true)) {
            call.close(Status.OK, new Metadata());
        }
    }

    @Override
    public void abort(TransferError why) {
        if (ended.compareAndSet(false, true)) {
            CallErrors.close(call, why);
        }
    }
}
