package io.kvferry.control.cluster;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.security.SecureRandom;
import org.jspecify.annotations.Nullable;

/**
 * Who holds which chunk, for one key scheme.
 *
 * <p>Parts of a key's hash choose the segment and the place in it, so writers and look-ups meet rarely.
 *
 * <p><b>Threads:</b> Thread-safe; nothing waits for longer than a few thousand entries take to be looked at.
 */
final class SchemeIndex {
    private static final int SWEEP_STEP = 4096;

    private final int keyBytes;
    private final int words;
    private final long salt = new SecureRandom().nextLong();
    private final IndexSegment[] segments;
    private final HolderSlots slots = new HolderSlots();

    /**
     * Makes an empty index.
     *
     * @param segments a power of two
     */
    SchemeIndex(int keyBytes, int segments) {
        this.keyBytes = keyBytes;
        this.words = ChunkKeys.words(keyBytes);
        this.segments = new IndexSegment[segments];
        for (int i = 0; i < segments; i++) {
            this.segments[i] = new IndexSegment(words, salt);
        }
    }

    int keyBytes() {
        return keyBytes;
    }

    /** Opens an account of what a node holds. */
    HolderSlot open(@Nullable Member member) {
        return slots.open(member);
    }

    /** Adds chunks to what a slot holds. Returns how many it was not known to hold in that tier. */
    int admit(HolderSlot slot, Tier tier, ChunkKeys keys) {
        return change(slot, tier, keys, true);
    }

    /** Takes chunks from what a slot holds. Returns how many it was known to hold in that tier. */
    int evict(HolderSlot slot, Tier tier, ChunkKeys keys) {
        return change(slot, tier, keys, false);
    }

    private int change(HolderSlot slot, Tier tier, ChunkKeys keys, boolean admit) {
        checkLength(keys);
        int changed = 0;
        synchronized (slot) {
            if (slot.isDead()) {
                return 0;
            }
            IndexDigest before = slot.digest();
            long sum = 0;
            for (int i = 0; i < keys.size(); i++) {
                long hash = hash(keys, i);
                IndexSegment segment = segment(hash);
                if (admit
                        ? segment.add(keys, i, hash, slot.number, tier.bit())
                        : segment.remove(keys, i, hash, slot.number, tier.bit())) {
                    changed++;
                    sum += IndexDigest.fingerprint(keys, i, tier);
                }
            }
            slot.digest(
                    admit
                            ? new IndexDigest(before.count() + changed, before.sum() + sum)
                            : new IndexDigest(before.count() - changed, before.sum() - sum));
        }
        return changed;
    }

    /** Nobody sees the slot any more from now on; {@link #sweep} gives its memory back. */
    void close(HolderSlot slot) {
        slot.kill();
    }

    /** Takes what dead slots held out of the index, a few thousand entries at a time. */
    void sweep(Iterable<HolderSlot> dead) {
        for (IndexSegment segment : segments) {
            for (int end = Integer.MAX_VALUE; end > 0; ) {
                end = segment.sweep(end, SWEEP_STEP, slots);
            }
        }
        dead.forEach(slots::release);
    }

    /** Finds the longest prefix and who holds it. */
    LookupAnswer lookup(Lookup lookup, boolean indexComplete) {
        ChunkKeys keys = lookup.keys();
        checkLength(keys);
        Candidates candidates = new Candidates(slots, lookup.exclude(), hash(keys, 0));
        int prefix = 0;
        while (prefix < keys.size()) {
            boolean sampled = candidates.isSampled();
            if (!visit(candidates, keys, prefix, sampled || prefix == 0)) {
                break;
            }
            if (sampled && !candidates.isSampled()) {
                for (int chunk = 0; chunk <= prefix; chunk++) {
                    visit(candidates, keys, chunk, false);
                }
            }
            prefix++;
        }
        return new LookupAnswer(prefix, candidates.ranked(lookup.maxHolders()), indexComplete);
    }

    private boolean visit(Candidates candidates, ChunkKeys keys, int chunk, boolean mayJoin) {
        candidates.at(chunk, mayJoin);
        long hash = hash(keys, chunk);
        return segment(hash).visit(keys, chunk, hash, candidates) && candidates.foundAnybody();
    }

    /** Hands the holders of one chunk to a visitor, whoever they are. Returns false if it is not known. */
    boolean visitSlots(ChunkKeys keys, int chunk, SlotVisitor visitor) {
        long hash = hash(keys, chunk);
        return segment(hash).visit(keys, chunk, hash, (lists, holders) -> {
            int count = holders >= 0 ? 1 : lists.size(~holders);
            for (int i = 0; i < count; i++) {
                HolderSlot slot =
                        slots.get((holders >= 0 ? holders : lists.get(~holders, i)) >>> HolderLists.TIER_BITS);
                if (slot != null) {
                    visitor.visit(slot);
                }
            }
        });
    }

    /** Looks at a holder, with the lock of a segment held. */
    interface SlotVisitor {
        /**
         * Looks at a holder.
         *
         * @param slot which may be dead
         */
        void visit(HolderSlot slot);
    }

    /** Everything a slot holds; whoever changes it has to wait or not to begin. */
    HeldChunks held(HolderSlot slot) {
        HeldChunks held = new HeldChunks(keyBytes);
        for (IndexSegment segment : segments) {
            segment.collect(slot.number, held);
        }
        return held;
    }

    long chunks() {
        long sum = 0;
        for (IndexSegment segment : segments) {
            sum += segment.chunks();
        }
        return sum;
    }

    long pairs() {
        long sum = 0;
        for (IndexSegment segment : segments) {
            sum += segment.pairs();
        }
        return sum;
    }

    long bytes() {
        long sum = 0;
        for (IndexSegment segment : segments) {
            sum += segment.bytes();
        }
        return sum;
    }

    private long hash(ChunkKeys keys, int index) {
        return IndexSegment.hash(keys, index, words, salt);
    }

    private IndexSegment segment(long hash) {
        // the lower bits choose the place in the segment
        return segments[(int) (hash >>> 48) & (segments.length - 1)];
    }

    private void checkLength(ChunkKeys keys) {
        if (keys.keyBytes() != keyBytes) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.OFFER,
                    "key length=" + keys.keyBytes() + " bytes, but keys of this scheme have " + keyBytes
                            + "; make the keys with the scheme that the nodes registered");
        }
    }
}
