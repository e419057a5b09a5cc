package io.kvferry.control.cluster;

import io.kvferry.control.cluster.wire.ClusterProto.Applied;
import io.kvferry.control.cluster.wire.ClusterProto.NodeFrame;
import io.kvferry.control.cluster.wire.ClusterProto.SyncBegin;
import io.kvferry.control.cluster.wire.ClusterProto.SyncEnd;
import io.kvferry.control.cluster.wire.ClusterProto.SyncPart;
import java.util.ArrayDeque;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * What a session has still to tell its controller: all that the node holds, then every change after that.
 *
 * <p>When too many changes wait they are dropped, and all that the node holds is to be told instead.
 *
 * <p><b>Threads:</b> Thread-safe; nothing blocks.
 */
final class OutgoingChanges {
    private final int maxPendingKeys;

    // all guarded by this
    /** From the moment a snapshot is taken until its last frame is sent. */
    private boolean syncing;

    private Queue<NodeFrame> sync = new ArrayDeque<>();

    private final Queue<ChunkDelta> pending = new ArrayDeque<>();
    private long pendingKeys;
    /** Changes are kept from the first sync on. */
    private boolean following;

    private boolean syncWanted;
    private boolean closed;
    private long lastSync;
    private long lastSequence;
    private long appliedSequence = -1;

    OutgoingChanges(int maxPendingKeys) {
        this.maxPendingKeys = maxPendingKeys;
    }

    /** A snapshot is taken at this moment: what waits is in it, what comes is not. Returns its number. */
    synchronized long beginSync() {
        pending.clear();
        pendingKeys = 0;
        lastSync++;
        lastSequence = 0;
        appliedSequence = -1;
        following = true;
        syncWanted = false;
        // nothing is sent until the frames of the sync are there
        sync = new ArrayDeque<>();
        syncing = true;
        return lastSync;
    }

    /** The snapshot is there; a later one that was begun meanwhile counts instead. */
    void sync(NodeInventory.Snapshot snapshot) {
        Queue<NodeFrame> frames = frames(snapshot);
        synchronized (this) {
            if (snapshot.number() == lastSync && !closed) {
                sync = frames;
            }
        }
    }

    private static Queue<NodeFrame> frames(NodeInventory.Snapshot snapshot) {
        Queue<NodeFrame> frames = new ArrayDeque<>();
        frames.add(NodeFrame.newBuilder()
                .setSyncBegin(SyncBegin.newBuilder().setSync(snapshot.number()))
                .build());
        for (Tier tier : Tier.values()) {
            ChunkKeys keys = snapshot.held().in(tier);
            for (int from = 0; from < keys.size(); from += NodeInventory.MAX_KEYS_PER_FRAME) {
                int end = Math.min(keys.size(), from + NodeInventory.MAX_KEYS_PER_FRAME);
                frames.add(NodeFrame.newBuilder()
                        .setSyncPart(SyncPart.newBuilder()
                                .setTier(WireEncoder.tier(tier))
                                .setKeys(WireEncoder.keys(keys.slice(from, end))))
                        .build());
            }
        }
        frames.add(NodeFrame.newBuilder()
                .setSyncEnd(SyncEnd.newBuilder().setDigest(WireEncoder.digest(snapshot.digest())))
                .build());
        return frames;
    }

    synchronized void add(ChunkDelta delta) {
        if (closed || !following || syncWanted) {
            return;
        }
        pending.add(delta);
        pendingKeys += delta.keys().size();
        if (pendingKeys > maxPendingKeys) {
            pending.clear();
            pendingKeys = 0;
            syncWanted = true;
        }
    }

    /** What is to be sent next, or null. */
    synchronized @Nullable NodeFrame next() {
        NodeFrame frame = sync.poll();
        if (frame != null) {
            syncing = !sync.isEmpty();
            return frame;
        }
        ChunkDelta delta = syncing ? null : pending.poll();
        if (delta == null) {
            return null;
        }
        pendingKeys -= delta.keys().size();
        return NodeFrame.newBuilder()
                .setBatch(WireEncoder.batch(delta.batch(++lastSequence)))
                .build();
    }

    /** Whether a sync has to take the place of changes that were dropped. */
    synchronized boolean wantsSync() {
        return syncWanted && !syncing && !closed;
    }

    /** Takes the controller's word. Returns false if it belongs to an earlier sync and says nothing about this one. */
    synchronized boolean applied(Applied message) {
        if (message.getSync() != lastSync) {
            return false;
        }
        appliedSequence = message.getSequence();
        return true;
    }

    /** Whether the controller has applied everything there was to tell. */
    synchronized boolean isSettled() {
        return !syncing && !syncWanted && sync.isEmpty() && pending.isEmpty() && appliedSequence == lastSequence;
    }

    synchronized void close() {
        closed = true;
        pending.clear();
        sync.clear();
    }
}
