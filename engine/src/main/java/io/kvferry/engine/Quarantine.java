package io.kvferry.engine;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** All memory that transfers which have ended still hold: counted, visible, capped (R4). Thread-safe. */
final class Quarantine {
    private final Set<MemoryHold> holds = ConcurrentHashMap.newKeySet();
    private final AtomicLong bytes = new AtomicLong();
    private final long maxBytes;

    Quarantine(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    void add(MemoryHold hold) {
        if (holds.add(hold)) {
            bytes.addAndGet(hold.bytes());
        }
    }

    void remove(MemoryHold hold) {
        if (holds.remove(hold)) {
            bytes.addAndGet(-hold.bytes());
        }
    }

    /** Throws RESOURCE_EXHAUSTED where too much is locked already to lend more. */
    void checkRoom(Stage stage) {
        long now = bytes.get();
        if (now > maxBytes) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    stage,
                    now + " bytes are in quarantine > kvferry.max-quarantined=" + maxBytes
                            + ": wait until their peers are proved quiet, or raise the key");
        }
    }

    int size() {
        return holds.size();
    }

    long bytes() {
        return bytes.get();
    }

    List<CompletableFuture<Void>> whenQuiescent() {
        return holds.stream().map(MemoryHold::whenQuiescent).toList();
    }

    List<String> describe() {
        return holds.stream().map(MemoryHold::toString).sorted().toList();
    }
}
