package io.kvferry.backend.tcp;

import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * The transfers of one side, by an entry number that the wire carries: the lower half is a position here, the upper half
 * is new each time, so that a late frame never finds the position's next tenant. Thread-safe; finding takes no lock.
 */
final class TransferTable {
    private static final long POSITION = 0xFFFF_FFFFL;

    private final AtomicReferenceArray<@Nullable TcpTransfer> transfers;
    private final int[] free;
    private int freeCount;
    private int generation = (int) TcpEndpoint.randomInstance();

    TransferTable(int capacity) {
        transfers = new AtomicReferenceArray<>(capacity);
        free = new int[capacity];
        for (int i = 0; i < capacity; i++) {
            free[i] = capacity - 1 - i;
        }
        freeCount = capacity;
    }

    /**
     * Adds a transfer.
     *
     * @param maker makes it, given its entry number, which is never 0
     * @return the transfer, or null when the table is full
     */
    @Nullable
    TcpTransfer add(LongFunction<TcpTransfer> maker) {
        int position;
        long entry;
        synchronized (free) {
            if (freeCount == 0) {
                return null;
            }
            position = free[--freeCount];
            generation = generation == -1 ? 1 : generation + 1;
            entry = (long) generation << 32 | position;
        }
        TcpTransfer transfer = maker.apply(entry);
        transfers.set(position, transfer);
        return transfer;
    }

    @Nullable
    TcpTransfer find(long entry) {
        long position = entry & POSITION;
        if (position >= transfers.length()) {
            return null;
        }
        TcpTransfer found = transfers.get((int) position);
        return found != null && found.entry() == entry ? found : null;
    }

    void remove(long entry) {
        TcpTransfer found = find(entry);
        if (found != null && transfers.compareAndSet((int) entry, found, null)) {
            synchronized (free) {
                free[freeCount++] = (int) entry;
            }
        }
    }

    boolean isEmpty() {
        synchronized (free) {
            return freeCount == free.length;
        }
    }

    void forEach(Consumer<TcpTransfer> action) {
        if (isEmpty()) {
            return;
        }
        for (int i = 0; i < transfers.length(); i++) {
            TcpTransfer transfer = transfers.get(i);
            if (transfer != null) {
                action.accept(transfer);
            }
        }
    }

    int capacity() {
        return free.length;
    }
}
