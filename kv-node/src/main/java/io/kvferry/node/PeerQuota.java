package io.kvferry.node;

import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.HashMap;
import java.util.Map;

/**
 * How many requests for chunks are served at one time, for all peers and for each.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class PeerQuota {
    private final int max;
    private final int maxPerPeer;
    private final Object lock = new Object();
    // guarded by lock
    private final Map<String, Integer> byPeer = new HashMap<>();
    private int total;

    PeerQuota(int max, int maxPerPeer) {
        this.max = max;
        this.maxPerPeer = maxPerPeer;
    }

    /**
     * Counts a request in.
     *
     * @throws TransferException RESOURCE_EXHAUSTED where there are too many
     */
    void enter(PeerIdentity peer) {
        synchronized (lock) {
            int ofPeer = byPeer.getOrDefault(peer.nodeId(), 0);
            if (total >= max || ofPeer >= maxPerPeer) {
                throw new TransferException(
                        TransferErrorCode.RESOURCE_EXHAUSTED,
                        Stage.OFFER,
                        total + " requests for chunks are served (kvferry.kv.max-leases=" + max + "), " + ofPeer
                                + " of this peer (kvferry.kv.max-leases-per-peer=" + maxPerPeer + ")");
            }
            byPeer.put(peer.nodeId(), ofPeer + 1);
            total++;
        }
    }

    void leave(PeerIdentity peer) {
        synchronized (lock) {
            byPeer.computeIfPresent(peer.nodeId(), (id, count) -> count == 1 ? null : Integer.valueOf(count - 1));
            total--;
        }
    }

    int total() {
        synchronized (lock) {
            return total;
        }
    }
}
