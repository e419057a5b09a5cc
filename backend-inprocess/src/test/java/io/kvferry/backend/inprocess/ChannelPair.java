package io.kvferry.backend.inprocess;

import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Two ends of a channel in one JVM; one thread delivers everything, in order. */
final class ChannelPair implements AutoCloseable {
    private final ExecutorService deliveries = new ThreadPoolExecutor(
            1,
            1,
            0,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(1000),
            Thread.ofPlatform().daemon().factory());
    final End initiator = new End();
    final End target = new End();

    ChannelPair() {
        initiator.other = target;
        target.other = initiator;
    }

    /** Breaks both directions; both receivers hear of it. */
    void breakDown() {
        end(TransferError.of(TransferErrorCode.CONTROL_FAILED, Stage.TRANSFER, "cut by the test"));
    }

    private void end(@Nullable TransferError error) {
        initiator.end(error);
        target.end(error);
    }

    /** Waits until everything sent so far is delivered. */
    void awaitDelivered() {
        CompletableFuture.runAsync(() -> {}, deliveries)
                .orTimeout(20, TimeUnit.SECONDS)
                .join();
    }

    /** Delivers a message that the other backend never wrote. */
    void forge(End receiver, byte[] message) {
        deliveries.submit(() -> receiver.deliver(message));
    }

    @Override
    public void close() {
        deliveries.shutdownNow();
    }

    final class End implements PeerChannel {
        private End other = this;
        private @Nullable Receiver receiver;
        private boolean ended;

        @Override
        public synchronized void send(byte[] message) {
            if (ended) {
                throw new TransferException(TransferErrorCode.CONTROL_FAILED, Stage.TRANSFER, "the channel has ended");
            }
            byte[] copy = message.clone();
            End to = other;
            deliveries.submit(() -> to.deliver(copy));
        }

        @Override
        public synchronized void receive(Receiver newReceiver) {
            if (receiver != null) {
                throw new IllegalStateException("a receiver was set before");
            }
            receiver = newReceiver;
        }

        @Override
        public void close() {
            ChannelPair.this.end(null);
        }

        private void deliver(byte[] message) {
            Receiver to = receiver();
            if (to != null) {
                to.message(message);
            }
        }

        private synchronized @Nullable Receiver receiver() {
            return receiver;
        }

        private synchronized void end(@Nullable TransferError error) {
            if (!ended && !deliveries.isShutdown()) {
                ended = true;
                deliveries.submit(() -> {
                    Receiver to = receiver();
                    if (to != null) {
                        to.closed(error);
                    }
                });
            }
        }
    }
}
