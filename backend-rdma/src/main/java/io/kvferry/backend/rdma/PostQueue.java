package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.RdmaConnection;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Transfers with something to post, which take turns, and what is in flight, which is bounded. Confined to the owner thread. */
final class PostQueue {
    private final RdmaConnection connection;
    private final Cutter cutter;
    private final long windowBytes;
    private final ArrayDeque<RdmaInitiator> turns = new ArrayDeque<>();
    private final Set<Part> inFlight = new HashSet<>();
    private long inFlightBytes;
    private boolean stopped;

    PostQueue(RdmaConnection connection, Cutter cutter, long windowBytes) {
        this.connection = connection;
        this.cutter = cutter;
        this.windowBytes = windowBytes;
    }

    /** Gives a turn to a transfer that had nothing to post. */
    void add(RdmaInitiator transfer) {
        turns.add(transfer);
    }

    /** Posts until the window or the connection is full. */
    void pump() {
        while (!stopped && inFlightBytes < windowBytes) {
            RdmaInitiator next = turns.poll();
            if (next == null) {
                return;
            }
            Part part = next.next(cutter);
            if (part == null) {
                continue;
            }
            if (!connection.post(part)) {
                turns.addFirst(next);
                next.leave();
                return;
            }
            inFlight.add(part);
            inFlightBytes += part.bytes();
            if (next.posted(part)) {
                turns.add(next);
            }
        }
    }

    /** Posts nothing any more. */
    void stop() {
        stopped = true;
    }

    /** Returns whether the part was in flight, which it is not any more. */
    boolean remove(Part part) {
        if (!inFlight.remove(part)) {
            return false;
        }
        inFlightBytes -= part.bytes();
        return true;
    }

    /** The connection is closed: nothing is in flight, and nothing will be. */
    void giveUp() {
        List<Part> givenUp = new ArrayList<>(inFlight);
        inFlight.clear();
        turns.clear();
        givenUp.forEach(part -> part.transfer().leave());
    }
}
