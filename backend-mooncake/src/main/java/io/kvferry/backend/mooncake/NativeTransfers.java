package io.kvferry.backend.mooncake;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.function.Function;

/**
 * The transfers of one side that are not quiescent yet, so many and no more. Thread-safe.
 *
 * @param <T> the side
 */
final class NativeTransfers<T> {
    private final int capacity;
    private final Semaphore places;
    private final Set<T> transfers = ConcurrentHashMap.newKeySet();

    NativeTransfers(int capacity) {
        this.capacity = capacity;
        this.places = new Semaphore(capacity);
    }

    /** @param maker makes the transfer, given what it runs once it is over */
    T add(Stage stage, Function<Runnable, T> maker) {
        if (!places.tryAcquire()) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    stage,
                    "transfers=" + capacity + " reaches kvferry.mooncake.max-transfers=" + capacity);
        }
        Over<T> over = new Over<>(this);
        T made = maker.apply(over);
        transfers.add(made);
        over.transfer = made;
        return made;
    }

    Set<T> all() {
        return Set.copyOf(transfers);
    }

    private static final class Over<T> implements Runnable {
        private final NativeTransfers<T> owner;
        private volatile T transfer;

        @SuppressWarnings("NullAway") // set before anybody can run it
        private Over(NativeTransfers<T> owner) {
            this.owner = owner;
        }

        @Override
        public void run() {
            owner.transfers.remove(transfer);
            owner.places.release();
        }
    }
}
