package io.kvferry.backend.nccl;

import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Two ends of a transfer's channel, with somebody between who may change or swallow what the initiator says. */
final class Channels implements AutoCloseable {
    private final ExecutorService deliveries = new ThreadPoolExecutor(
            1,
            1,
            0,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(1000),
            Thread.ofPlatform().daemon().factory());
    final End initiator = new End();
    final End target = new End();
    private volatile UnaryOperator<Message> toTarget = message -> message;

    Channels() {
        initiator.other = target;
        target.other = initiator;
    }

    /** Changes what the target hears; null is heard by nobody. */
    void intercept(UnaryOperator<Message> change) {
        toTarget = change;
    }

    void breakDown() {
        end(TransferError.of(TransferErrorCode.CONTROL_FAILED, Stage.TRANSFER, "cut by the test"));
    }

    private void end(@Nullable TransferError error) {
        initiator.end(error);
        target.end(error);
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
            if (this == initiator) {
                Message changed = toTarget.apply(Message.decode(copy, Integer.MAX_VALUE));
                if (changed != null) {
                    byte[] bytes = changed.encode();
                    deliveries.submit(() -> to.deliver(bytes));
                }
            } else {
                deliveries.submit(() -> to.deliver(copy));
            }
        }

        @Override
        public synchronized void receive(Receiver newReceiver) {
            receiver = newReceiver;
        }

        @Override
        public void close() {
            Channels.this.end(null);
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
