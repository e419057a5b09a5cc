package io.kvferry.backend.mooncake;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** The transfers of one side that are not quiescent yet, so many and no more. Thread-safe. */
final class TransferSet {
    private final int capacity;
    private final AtomicInteger size = new AtomicInteger();
    private final Set<WireTransfer> transfers = ConcurrentHashMap.newKeySet();

    TransferSet(int capacity) {
        this.capacity = capacity;
    }

    /** @param maker makes the transfer, given what it runs once it is over */
    WireTransfer add(Stage stage, Function<Runnable, WireTransfer> maker) {
        if (size.incrementAndGet() > capacity) {
            size.decrementAndGet();
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    stage,
                    "transfers=" + capacity + " reaches kvferry.mooncake.max-transfers=" + capacity);
        }
        WireTransfer[] made = new WireTransfer[1];
        made[0] = maker.apply(() -> {
            transfers.remove(made[0]);
            size.decrementAndGet();
        });
        transfers.add(made[0]);
        return made[0];
    }

    Set<WireTransfer> matching(Predicate<WireTransfer> which) {
        return transfers.stream().filter(which).collect(Collectors.toSet());
    }
}
