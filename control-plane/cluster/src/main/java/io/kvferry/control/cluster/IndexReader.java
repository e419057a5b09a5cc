package io.kvferry.control.cluster;

import io.kvferry.control.cluster.Explanation.Reason;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Answers look-ups, counts them, and explains them.
 *
 * <p><b>Threads:</b> Thread-safe; nothing blocks.
 */
final class IndexReader {
    private static final int MAX_NAMES = 8;

    private final ChunkIndex chunks;
    private final Membership membership;
    private final Counter.Counters counters;

    IndexReader(ChunkIndex chunks, Membership membership, Counter.Counters counters) {
        this.chunks = chunks;
        this.membership = membership;
        this.counters = counters;
    }

    LookupAnswer lookup(Lookup lookup, boolean indexComplete) {
        LookupAnswer answer = find(lookup, indexComplete);
        counters.increment(Counter.LOOKUPS);
        counters.add(Counter.LOOKUP_CHUNKS_REQUESTED, lookup.keys().size());
        counters.add(Counter.LOOKUP_CHUNKS_FOUND, answer.prefixChunks());
        if (answer.prefixChunks() == 0) {
            counters.increment(Counter.LOOKUP_MISSES);
        }
        return answer;
    }

    private LookupAnswer find(Lookup lookup, boolean indexComplete) {
        SchemeIndex index = chunks.ofName(lookup.scheme());
        return index == null ? new LookupAnswer(0, List.of(), indexComplete) : index.lookup(lookup, indexComplete);
    }

    Explanation explain(Lookup lookup, boolean indexComplete) {
        if (membership.members().isEmpty()) {
            return nothing(Reason.NO_NODE, "no node is registered at this controller");
        }
        SchemeIndex index = chunks.ofName(lookup.scheme());
        if (index == null) {
            return nothing(
                    Reason.OTHER_SCHEME,
                    "no node has the key scheme '" + lookup.scheme() + "'; there are " + names(chunks.schemeNames()));
        }
        ChunkKeys keys = lookup.keys();
        if (keys.keyBytes() != index.keyBytes()) {
            return nothing(
                    Reason.OTHER_KEY_LENGTH,
                    "keys of " + keys.keyBytes() + " bytes, but those of '" + lookup.scheme() + "' have "
                            + index.keyBytes());
        }
        int prefix = index.lookup(lookup, indexComplete).prefixChunks();
        if (prefix == keys.size()) {
            return new Explanation(Reason.ALL_FOUND, prefix, prefix, "every chunk has a holder");
        }
        return missing(index, lookup, prefix, indexComplete);
    }

    private Explanation missing(SchemeIndex index, Lookup lookup, int chunk, boolean indexComplete) {
        Set<String> suspects = new TreeSet<>();
        boolean[] excluded = new boolean[1];
        index.visitSlots(lookup.keys(), chunk, slot -> {
            Member member = slot.member;
            if (member != null && slot.isPublished() && suspects.size() <= MAX_NAMES) {
                if (member.id().equals(lookup.exclude())) {
                    excluded[0] = true;
                } else if (member.state() == NodeState.SUSPECT) {
                    suspects.add(member.id());
                }
            }
        });
        if (!suspects.isEmpty()) {
            return first(
                    Reason.SUSPECT_HOLDERS,
                    chunk,
                    "held only by nodes that were not heard of for half their lease: " + names(suspects));
        }
        if (excluded[0]) {
            return first(Reason.EXCLUDED_HOLDER, chunk, "held only by the node that asks, " + lookup.exclude());
        }
        return indexComplete
                ? first(Reason.NOT_HELD, chunk, "no node holds it")
                : first(
                        Reason.INDEX_INCOMPLETE,
                        chunk,
                        "nobody is known to hold it, but not every node has told what it holds: " + unsynced());
    }

    private String unsynced() {
        Set<String> ids = new TreeSet<>();
        for (Member member : membership.members()) {
            if (!member.index().isSynced() && ids.size() <= MAX_NAMES) {
                ids.add(member.id());
            }
        }
        return ids.isEmpty() ? "this controller started less than a lease ago" : names(ids);
    }

    private static Explanation nothing(Reason reason, String detail) {
        return new Explanation(reason, 0, 0, detail);
    }

    private static Explanation first(Reason reason, int chunk, String detail) {
        return new Explanation(reason, chunk, chunk, "chunk " + chunk + ": " + detail);
    }

    private static String names(Set<String> names) {
        if (names.isEmpty()) {
            return "none";
        }
        List<String> shown = names.stream().limit(MAX_NAMES).toList();
        return String.join(", ", shown) + (names.size() > MAX_NAMES ? ", …" : "");
    }
}
