package io.kvferry.engine;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.util.Collection;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The initiator's attempts that are not finished, each id and attempt once, and no more than {@code
 * kvferry.max-transfers}.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class TransfersInHand {
    private final int max;
    private final ConcurrentHashMap<Key, InitiatorAttempt> attempts = new ConcurrentHashMap<>();

    /** What is unique among them. */
    record Key(TransferId id, int attempt) {}

    TransfersInHand(int max) {
        this.max = max;
    }

    /** Refuses what there would be no room for; callers at the same time may pass together. */
    void checkRoom() {
        if (attempts.size() >= max) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.PREPARE,
                    attempts.size() + " transfers are in hand = kvferry.max-transfers; finish some or raise the key");
        }
    }

    void add(InitiatorAttempt attempt) {
        InitiatorAttempt other = attempts.putIfAbsent(attempt.key(), attempt);
        if (other != null) {
            throw new TransferException(
                    TransferErrorCode.ALREADY_EXISTS,
                    Stage.PREPARE,
                    other + " is in hand already; a retry takes a higher attempt");
        }
    }

    void remove(InitiatorAttempt attempt) {
        attempts.remove(attempt.key(), attempt);
    }

    Collection<InitiatorAttempt> all() {
        return attempts.values();
    }
}
