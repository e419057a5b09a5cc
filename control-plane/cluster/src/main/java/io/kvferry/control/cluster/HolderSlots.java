package io.kvferry.control.cluster;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * The slots of an index by number. A number is used again only after the index was swept.
 *
 * <p><b>Threads:</b> Thread-safe; reading takes no lock.
 */
final class HolderSlots {
    private static final int MAX_SLOTS = 1 << 20;

    private final Object lock = new Object();
    // guarded by lock
    private final Queue<Integer> free = new ArrayDeque<>();
    private int next;

    /** Replaced, never changed, except for places that no chunk names yet. */
    private volatile @Nullable HolderSlot[] slots = new @Nullable HolderSlot[16];

    HolderSlot open(@Nullable Member member) {
        synchronized (lock) {
            Integer reused = free.poll();
            int number = reused != null ? reused : next++;
            if (number >= MAX_SLOTS) {
                next = MAX_SLOTS;
                throw new TransferException(
                        TransferErrorCode.RESOURCE_EXHAUSTED,
                        Stage.REGISTER,
                        "the index has its most holders, " + MAX_SLOTS);
            }
            @Nullable HolderSlot[] copy = Arrays.copyOf(slots, number < slots.length ? slots.length : slots.length * 2);
            HolderSlot slot = new HolderSlot(number, member);
            copy[number] = slot;
            slots = copy;
            return slot;
        }
    }

    /**
     * The slots there are, by number, not to be changed. What the index names afterwards is a slot of these or one that was
     * opened later, whose place is then empty, or has a dead one: never another one that lives.
     */
    @Nullable
    HolderSlot[] snapshot() {
        return slots;
    }

    /** The slot of a number, or null if it is none any more. */
    @Nullable
    HolderSlot get(int number) {
        @Nullable HolderSlot[] current = slots;
        return number < current.length ? current[number] : null;
    }

    boolean isDead(int number) {
        HolderSlot slot = get(number);
        return slot == null || slot.isDead();
    }

    /** A dead slot's number is used again: nothing in the index names it any more. */
    void release(HolderSlot swept) {
        synchronized (lock) {
            @Nullable HolderSlot[] copy = slots.clone();
            copy[swept.number] = null;
            slots = copy;
            free.add(swept.number);
        }
    }
}
