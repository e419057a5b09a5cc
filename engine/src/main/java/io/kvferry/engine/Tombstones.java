package io.kvferry.engine;

import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import java.util.LinkedHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Ended attempts, remembered so that latecomers are refused and a repeated FINISH gets the same answer (R5). Bounded: the
 * oldest goes first.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class Tombstones {
    /** What an attempt gets that was given up for a newer one. */
    private static final PeerReply.Finished OLDER = new PeerReply.Finished(
            TransferState.CANCELLED,
            TransferError.of(TransferErrorCode.CANCELLED, Stage.FINISH, "a newer attempt has ended since")
                    .at(Side.TARGET, ""));

    private final int max;
    // guarded by this
    private final LinkedHashMap<Key, Stone> stones = new LinkedHashMap<>();

    /**
     * What a tombstone stands for. A peer buries its own attempts only: what a stranger says of a transfer harms nobody.
     *
     * @param id the transfer
     * @param node the initiator's node id
     * @param bootId for one attempt on a standing lease the initiator's boot id; else 0
     * @param attempt that attempt; or 0, and all attempts of the node up to the newest are over
     */
    private record Key(TransferId id, String node, long bootId, int attempt) {
        static Key whole(TransferId id, PeerIdentity peer) {
            return new Key(id, peer.nodeId(), 0, 0);
        }

        static Key one(TransferId id, PeerIdentity peer, int attempt) {
            return new Key(id, peer.nodeId(), peer.bootId(), attempt);
        }
    }

    private record Stone(int newestAttempt, PeerReply.Finished reply) {}

    Tombstones(int max) {
        this.max = max;
    }

    /** Remembers that an attempt of a node, and all its attempts before it, are over. */
    synchronized void put(TransferId id, PeerIdentity peer, int attempt, PeerReply.Finished reply) {
        Key key = Key.whole(id, peer);
        Stone known = stones.get(key);
        if (known == null || known.newestAttempt <= attempt) {
            put(key, new Stone(attempt, reply));
        }
    }

    /** Remembers that one attempt on a standing lease is over; others of the same initiator go on. */
    synchronized void putOne(TransferId id, PeerIdentity peer, int attempt, PeerReply.Finished reply) {
        put(Key.one(id, peer, attempt), new Stone(attempt, reply));
    }

    private void put(Key key, Stone stone) {
        stones.putLast(key, stone);
        if (stones.size() > max) {
            stones.pollFirstEntry();
        }
    }

    /** The answer that an attempt's FINISH got or gets, or null where the attempt is not over. */
    synchronized PeerReply.@Nullable Finished reply(TransferId id, PeerIdentity peer, int attempt) {
        Stone whole = stones.get(Key.whole(id, peer));
        if (whole != null && attempt <= whole.newestAttempt) {
            return attempt == whole.newestAttempt ? whole.reply : OLDER;
        }
        Stone one = stones.get(Key.one(id, peer, attempt));
        return one == null ? null : one.reply;
    }

    synchronized int size() {
        return stones.size();
    }
}
