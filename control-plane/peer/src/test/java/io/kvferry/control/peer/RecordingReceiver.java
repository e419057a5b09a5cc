package io.kvferry.control.peer;

import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.TransferError;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** Keeps what arrived, and notices calls that are not serial or come after the end. */
final class RecordingReceiver implements PeerChannel.Receiver {
    private final BlockingQueue<byte[]> messages = new LinkedBlockingQueue<>();
    private final CompletableFuture<Optional<TransferError>> end = new CompletableFuture<>();
    private final AtomicBoolean inside = new AtomicBoolean();
    private volatile boolean misused;

    @Override
    public void message(byte[] message) {
        misused |= !inside.compareAndSet(false, true) || end.isDone();
        messages.add(message);
        inside.set(false);
    }

    @Override
    public void closed(@Nullable TransferError error) {
        misused |= !inside.compareAndSet(false, true);
        misused |= !end.complete(Optional.ofNullable(error));
        inside.set(false);
    }

    byte[] next() throws InterruptedException {
        byte[] message = messages.poll(20, TimeUnit.SECONDS);
        if (message == null) {
            throw new AssertionError("no message arrived");
        }
        return message;
    }

    /** Why the channel broke, or empty after an orderly end. */
    Optional<TransferError> end() throws Exception {
        return end.get(30, TimeUnit.SECONDS);
    }

    boolean isOpen() {
        return !end.isDone();
    }

    boolean isEmpty() {
        return messages.isEmpty();
    }

    boolean isMisused() {
        return misused;
    }
}
