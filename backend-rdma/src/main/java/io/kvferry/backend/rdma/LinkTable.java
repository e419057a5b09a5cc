package io.kvferry.backend.rdma;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * All connections of an instance: to each peer up to a number, used in turns, and from peers as they come; bounded, where
 * the idle one that was used least recently makes room. Thread-safe; links are made outside its lock.
 */
final class LinkTable {
    private final int perPeer;
    private final int capacity;
    private final Object lock = new Object();

    // guarded by lock; all in order of use, the least recent first
    private final Map<Link, Boolean> byUse = new LinkedHashMap<>(16, 0.75f, true);
    private final Map<Long, OutgoingLink> outgoing = new HashMap<>();
    private final Map<Long, List<OutgoingLink>> byPeer = new HashMap<>();
    private final Map<IncomingLink.Name, IncomingLink> incoming = new HashMap<>();
    private final Set<Link> closing = new HashSet<>();
    private int turn;

    LinkTable(int perPeer, int capacity) {
        this.perPeer = perPeer;
        this.capacity = capacity;
    }

    /** A link to a peer's instance, in turns; a new one while there are few. */
    OutgoingLink outgoing(long instance, Supplier<OutgoingLink> maker) {
        synchronized (lock) {
            List<OutgoingLink> known = byPeer.getOrDefault(instance, List.of());
            if (known.size() >= perPeer) {
                return used(known.get(Math.floorMod(turn++, known.size())));
            }
        }
        makeRoom();
        OutgoingLink made = maker.get();
        synchronized (lock) {
            outgoing.put(made.number(), made);
            byPeer.computeIfAbsent(instance, none -> new ArrayList<>()).add(made);
            return used(made);
        }
    }

    @Nullable
    OutgoingLink find(long number) {
        synchronized (lock) {
            return outgoing.get(number);
        }
    }

    @Nullable
    IncomingLink find(IncomingLink.Name name) {
        synchronized (lock) {
            IncomingLink known = incoming.get(name);
            return known == null ? null : used(known);
        }
    }

    IncomingLink add(IncomingLink made) {
        synchronized (lock) {
            incoming.put(made.name(), made);
            return used(made);
        }
    }

    private <L extends Link> L used(L link) {
        byUse.put(link, true);
        return link;
    }

    /** Gives a link to no other transfer; it is still among {@link #all} until it is closed. */
    void remove(Link link) {
        synchronized (lock) {
            byUse.remove(link);
            closing.add(link);
            switch (link) {
                case OutgoingLink out -> {
                    outgoing.remove(out.number(), out);
                    byPeer.computeIfPresent(out.peerInstance(), (instance, links) -> {
                        links.remove(out);
                        return links.isEmpty() ? null : links;
                    });
                }
                case IncomingLink in -> incoming.remove(in.name(), in);
            }
        }
        var ignored = link.whenClosed().thenRun(() -> {
            synchronized (lock) {
                closing.remove(link);
            }
        });
    }

    List<Link> all() {
        synchronized (lock) {
            List<Link> all = new ArrayList<>(byUse.keySet());
            all.addAll(closing);
            return all;
        }
    }

    /** Closes the idle link that was used least recently, if the table is full. */
    void makeRoom() {
        Link idle;
        synchronized (lock) {
            if (byUse.size() < capacity) {
                return;
            }
            idle = byUse.keySet().stream().filter(Link::isIdle).findFirst().orElse(null);
        }
        if (idle == null) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.PREPARE,
                    "connections in use=" + capacity + " reaches kvferry.rdma.max-connections=" + capacity);
        }
        remove(idle);
        var ignored = idle.close(TransferErrorCode.CONNECTION_FAILED, "an idle connection made room; try again", true);
    }
}
