package io.kvferry.conformance;

import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The two ends of one transfer's channel in one JVM, for tests of a backend without engines. One thread delivers everything,
 * in order. What either side says can be changed or swallowed on its way, as a peer that breaks the rules would.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class ChannelPair implements AutoCloseable {
    private static final int MAX_WAITING = 1000;
    private static final long PATIENCE_SECONDS = 20;

    private final ExecutorService deliveries = new ThreadPoolExecutor(
            1,
            1,
            0,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(MAX_WAITING),
            Thread.ofPlatform().daemon().factory());
    private final End initiator = new End();
    private final End target = new End();
    /** Makes both ends; messages flow at once. */
    public ChannelPair() {}

    /**
     * Returns one end.
     *
     * @param side whose
     * @return the channel for that side's plan
     */
    public PeerChannel end(Side side) {
        return of(side);
    }

    private End of(Side side) {
        return side == Side.INITIATOR ? initiator : target;
    }

    /**
     * Changes what a side hears from now on.
     *
     * @param to who hears it
     * @param change gets each message of the other side, and returns what arrives; empty for nothing
     */
    public void intercept(Side to, Function<byte[], Optional<byte[]>> change) {
        of(to).change = change;
    }

    /**
     * Delivers a message that the other side never wrote.
     *
     * @param to who hears it
     * @param message its bytes
     */
    public void forge(Side to, byte[] message) {
        byte[] copy = message.clone();
        deliveries.execute(() -> of(to).deliver(copy));
    }

    /** Breaks both directions; both receivers hear of it. */
    public void breakDown() {
        endBoth(TransferError.of(TransferErrorCode.CONTROL_FAILED, Stage.TRANSFER, "cut by the test"));
    }

    /** Waits until everything sent so far is delivered. */
    public void awaitDelivered() {
        CompletableFuture.runAsync(() -> {}, deliveries)
                .orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS)
                .join();
    }

    private void endBoth(@Nullable TransferError error) {
        initiator.end(error);
        target.end(error);
    }

    /** Delivers nothing more. */
    @Override
    public void close() {
        deliveries.shutdownNow();
    }

    private final class End implements PeerChannel {
        private volatile Function<byte[], Optional<byte[]>> change = Optional::of;
        // guarded by this
        private @Nullable Receiver receiver;
        private boolean ended;

        @Override
        public synchronized void send(byte[] message) {
            if (ended) {
                throw new TransferException(TransferErrorCode.CONTROL_FAILED, Stage.TRANSFER, "the channel has ended");
            }
            End other = this == initiator ? target : initiator;
            other.change.apply(message.clone()).ifPresent(changed -> deliveries.execute(() -> other.deliver(changed)));
        }

        @Override
        public synchronized void receive(Receiver newReceiver) {
            if (receiver != null) {
                throw new IllegalStateException("the channel has a receiver already");
            }
            receiver = newReceiver;
        }

        @Override
        public void close() {
            endBoth(null);
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
                deliveries.execute(() -> {
                    Receiver to = receiver();
                    if (to != null) {
                        to.closed(error);
                    }
                });
            }
        }
    }
}
