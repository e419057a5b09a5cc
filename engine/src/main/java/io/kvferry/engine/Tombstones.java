package io.kvferry.engine;

import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.TransferId;
import java.util.LinkedHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Ended attempts, remembered so that latecomers are refused and a repeated FINISH gets the same answer (R5). Bounded: the
 * oldest goes first.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class Tombstones {
    private final int max;
    // guarded by this
    private final LinkedHashMap<Key, Stone> stones = new LinkedHashMap<>();

    /**
     * What a tombstone stands for.
     *
     * @param id the transfer
     * @param peer for one attempt on a standing lease its initiator; else null, and all attempts up to the newest are over
     * @param attempt that attempt, or 0
     */
    private record Key(TransferId id, @Nullable PeerIdentity peer, int attempt) {}

    private record Stone(int newestAttempt, PeerReply.Finished reply) {}

    Tombstones(int max) {
        this.max = max;
    }

    /** Remembers that an attempt, and all before it, are over. */
    synchronized void put(TransferId id, int attempt, PeerReply.Finished reply) {
        Key key = new Key(id, null, 0);
        Stone known = stones.get(key);
        if (known == null || known.newestAttempt <= attempt) {
            put(key, new Stone(attempt, reply));
        }
    }

    /** Remembers that one attempt on a standing lease is over; others of the same initiator go on. */
    synchronized void putOne(TransferId id, PeerIdentity peer, int attempt, PeerReply.Finished reply) {
        put(new Key(id, peer, attempt), new Stone(attempt, reply));
    }

    private void put(Key key, Stone stone) {
        stones.putLast(key, stone);
        if (stones.size() > max) {
            stones.pollFirstEntry();
        }
    }

    /** The answer that an attempt's FINISH got or gets, or null where the attempt is not over. */
    synchronized PeerReply.@Nullable Finished reply(TransferId id, PeerIdentity peer, int attempt) {
        Stone whole = stones.get(new Key(id, null, 0));
        if (whole != null && attempt <= whole.newestAttempt) {
            return whole.reply;
        }
        Stone one = stones.get(new Key(id, peer, attempt));
        return one == null ? null : one.reply;
    }

    synchronized int size() {
        return stones.size();
    }
}
