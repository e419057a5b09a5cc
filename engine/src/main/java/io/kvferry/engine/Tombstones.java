package io.kvferry.engine;

import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Ended attempts, remembered so that latecomers are refused and a repeated FINISH gets the same answer (R5).
 *
 * <p>An end that somebody will yet ask about is kept until he has, or for as long as he may: where the FINISH has not come,
 * as long as its initiator repeats it; where nothing but the end has come, as long as a PREPARE may be under way. An end
 * that was told is kept while there is room; the oldest goes first. Where no end may go, what would leave another is
 * RESOURCE_EXHAUSTED (R17).
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class Tombstones {
    /** What an attempt gets that was given up for a newer one. */
    private static final PeerReply.Finished OLDER = new PeerReply.Finished(
            TransferState.CANCELLED,
            TransferError.of(TransferErrorCode.CANCELLED, Stage.FINISH, "a newer attempt has ended since")
                    .at(Side.TARGET, ""));
    /** Which part of the room one node may fill with ends of attempts that are not known here. */
    private static final int SHARE_OF_UNKNOWN = 4;

    private final int max;
    private final long maxHorizonNanos;
    private final Ticker ticker;
    // guarded by this: the oldest first, a key in one of them
    private final LinkedHashMap<Key, Stone> told = new LinkedHashMap<>();
    private final LinkedHashMap<Key, Untold> untold = new LinkedHashMap<>();
    private final Map<String, Integer> unknownOfNode = new HashMap<>();

    /**
     * What a tombstone stands for. A peer buries its own attempts only: what a stranger says of a transfer harms nobody.
     *
     * @param id the transfer
     * @param node the initiator's node id
     * @param bootId for one attempt on a standing lease the initiator's boot id; else 0
     * @param attempt that attempt; or 0, and all attempts of the node up to the newest are over
     */
    private record Key(TransferId id, String node, long bootId, int attempt) {
        static Key of(TransferId id, PeerIdentity peer, int attempt, boolean standing) {
            return standing ? new Key(id, peer.nodeId(), peer.bootId(), attempt) : new Key(id, peer.nodeId(), 0, 0);
        }
    }

    private record Stone(int newestAttempt, PeerReply.Finished reply) {}

    /** @param unknown whether its PREPARE has not come */
    private record Untold(Stone stone, long untilNanos, boolean unknown) {}

    /**
     * Makes an empty graveyard.
     *
     * @param max how many there are at most, but for attempts that were let in before
     * @param maxHorizon for how long one is kept at most whoever asks for more
     */
    Tombstones(int max, Duration maxHorizon, Ticker ticker) {
        this.max = max;
        this.maxHorizonNanos = maxHorizon.toNanos();
        this.ticker = ticker;
    }

    /**
     * Refuses what may leave another tombstone where there is no room for one.
     *
     * @throws TransferException RESOURCE_EXHAUSTED
     */
    synchronized void checkRoom(Stage stage) {
        if (size() >= max && told.isEmpty() && !isPast(untold.firstEntry().getValue())) {
            throw exhausted(stage, size() + " ended attempts wait for the word of their initiators");
        }
    }

    private TransferException exhausted(Stage stage, String what) {
        return new TransferException(
                TransferErrorCode.RESOURCE_EXHAUSTED,
                stage,
                what + " (kvferry.max-tombstones=" + max + "); try again within kvferry.finish-horizon");
    }

    private boolean isPast(Untold known) {
        return known.untilNanos - ticker.nanos() <= 0;
    }

    /**
     * Remembers an end that its initiator has been told.
     *
     * @param standing whether it was on a standing lease: then others of the same initiator go on; else this attempt and all
     *     before it are over
     */
    synchronized void told(TransferId id, PeerIdentity peer, int attempt, boolean standing, PeerReply.Finished reply) {
        put(Key.of(id, peer, attempt, standing), new Stone(attempt, reply), 0, false);
    }

    /**
     * Remembers an end that its initiator will ask for.
     *
     * @param standing as for {@link #told}
     * @param horizonNanos how long he repeats that, by his own word
     */
    synchronized void untold(
            TransferId id,
            PeerIdentity peer,
            int attempt,
            boolean standing,
            PeerReply.Finished reply,
            long horizonNanos) {
        put(
                Key.of(id, peer, attempt, standing),
                new Stone(attempt, reply),
                Math.min(horizonNanos, maxHorizonNanos),
                false);
    }

    /**
     * Remembers the end of an attempt that is not known here, whose PREPARE may be under way.
     *
     * @param standing as for {@link #told}
     * @throws TransferException RESOURCE_EXHAUSTED where there is no room, or no more for this node
     */
    synchronized void unknown(
            TransferId id, PeerIdentity peer, int attempt, boolean standing, PeerReply.Finished reply) {
        Key key = Key.of(id, peer, attempt, standing);
        if (find(key) == null) {
            checkRoom(Stage.FINISH);
            int ofNode = unknownOfNode.getOrDefault(peer.nodeId(), 0);
            if (ofNode >= Math.max(1, max / SHARE_OF_UNKNOWN)) {
                throw exhausted(Stage.FINISH, ofNode + " attempts of " + peer + " ended that were never heard of");
            }
        }
        put(key, new Stone(attempt, reply), maxHorizonNanos, true);
    }

    private void put(Key key, Stone stone, long horizonNanos, boolean unknown) {
        Stone known = find(key);
        if (known != null && known.newestAttempt > stone.newestAttempt) {
            return;
        }
        told.remove(key);
        Untold before = removeUntold(key);
        if (horizonNanos <= 0 && (before == null || isPast(before))) {
            told.putLast(key, stone);
        } else {
            long until = ticker.nanos() + horizonNanos;
            // an older attempt of the same key may be asked for later than this one
            long latest = before == null || before.untilNanos - until <= 0 ? until : before.untilNanos;
            untold.putLast(key, new Untold(stone, latest, unknown));
            if (unknown) {
                unknownOfNode.merge(key.node, 1, Integer::sum);
            }
        }
        makeRoom();
    }

    private void makeRoom() {
        while (size() > max) {
            if (!told.isEmpty()) {
                told.pollFirstEntry();
            } else if (isPast(untold.firstEntry().getValue())) {
                removeUntold(untold.firstEntry().getKey());
            } else {
                return;
            }
        }
    }

    private @Nullable Untold removeUntold(Key key) {
        Untold removed = untold.remove(key);
        if (removed != null && removed.unknown) {
            unknownOfNode.computeIfPresent(key.node, (node, count) -> count == 1 ? null : Integer.valueOf(count - 1));
        }
        return removed;
    }

    private @Nullable Stone find(Key key) {
        Stone stone = told.get(key);
        if (stone != null) {
            return stone;
        }
        Untold known = untold.get(key);
        return known == null ? null : known.stone;
    }

    /** The answer that an attempt's FINISH got or gets, or null where the attempt is not over. */
    synchronized PeerReply.@Nullable Finished reply(TransferId id, PeerIdentity peer, int attempt) {
        Stone whole = find(Key.of(id, peer, attempt, false));
        if (whole != null && attempt <= whole.newestAttempt) {
            return attempt == whole.newestAttempt ? whole.reply : OLDER;
        }
        Stone one = find(Key.of(id, peer, attempt, true));
        return one == null ? null : one.reply;
    }

    /** FINISH has come: returns what {@link #reply} does, and the initiator is told with it. */
    synchronized PeerReply.@Nullable Finished tell(TransferId id, PeerIdentity peer, int attempt) {
        for (boolean standing : new boolean[] {false, true}) {
            Key key = Key.of(id, peer, attempt, standing);
            Untold known = untold.get(key);
            if (known != null && known.stone.newestAttempt == attempt && !known.unknown) {
                untold.remove(key);
                told.putLast(key, known.stone);
            }
        }
        return reply(id, peer, attempt);
    }

    synchronized int size() {
        return told.size() + untold.size();
    }
}
