package io.kvferry.control.cluster;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.function.Consumer;
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
    private static final int MOST_AHEAD = 16;

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

    /** Adds chunks to what a slot holds. Returns the positions of those that it was not known to hold in that tier. */
    int[] admit(HolderSlot slot, Tier tier, ChunkKeys keys) {
        return change(slot, tier, keys, true);
    }

    /** Takes chunks from what a slot holds. Returns the positions of those that it was known to hold in that tier. */
    int[] evict(HolderSlot slot, Tier tier, ChunkKeys keys) {
        return change(slot, tier, keys, false);
    }

    private int[] change(HolderSlot slot, Tier tier, ChunkKeys keys, boolean admit) {
        checkLength(keys);
        BySegment batch = new BySegment(keys);
        synchronized (slot) {
            if (slot.isDead()) {
                return new int[0];
            }
            int count = batch.change(slot.number, tier.bit(), admit);
            long sum = 0;
            for (int i = 0; i < count; i++) {
                sum += IndexDigest.fingerprint(keys, batch.order[i], tier);
            }
            IndexDigest before = slot.digest();
            slot.digest(
                    admit
                            ? new IndexDigest(before.count() + count, before.sum() + sum)
                            : new IndexDigest(before.count() - count, before.sum() - sum));
            return Arrays.copyOf(batch.order, count);
        }
    }

    /** Keys ordered by their segments, so that each is locked once for a batch. */
    private final class BySegment {
        private final ChunkKeys keys;
        private final long[] hashes;
        /** Positions of keys; those of one segment in their order. */
        private final int[] order;
        /** For each segment the end of its keys in {@link #order}. */
        private final int[] ends = new int[segments.length];

        BySegment(ChunkKeys keys) {
            this.keys = keys;
            this.hashes = new long[keys.size()];
            this.order = new int[keys.size()];
            for (int i = 0; i < hashes.length; i++) {
                hashes[i] = hash(keys, i);
                ends[number(hashes[i])]++;
            }
            int start = 0;
            for (int segment = 0; segment < ends.length; segment++) {
                int count = ends[segment];
                ends[segment] = start;
                start += count;
            }
            for (int i = 0; i < hashes.length; i++) {
                order[ends[number(hashes[i])]++] = i;
            }
        }

        /** Makes the change. Returns how many of the first positions in {@link #order} were one. */
        int change(int slot, int tierBit, boolean admit) {
            int changed = 0;
            int from = 0;
            for (int segment = 0; segment < ends.length; segment++) {
                int end = ends[segment];
                if (end > from) {
                    int some = segments[segment].change(keys, hashes, order, from, end, slot, tierBit, admit);
                    System.arraycopy(order, from, order, changed, some);
                    changed += some;
                }
                from = end;
            }
            return changed;
        }
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
        long[] hashes = new long[keys.size()];
        hashes[0] = hash(keys, 0);
        Candidates candidates = new Candidates(slots, lookup.exclude(), hashes[0]);
        int ahead = 0;
        int prefix = 0;
        while (prefix < hashes.length) {
            if (prefix == ahead) {
                ahead = touch(keys, hashes, prefix);
            }
            boolean sampled = candidates.isSampled();
            if (!visit(candidates, keys, hashes, prefix, sampled || prefix == 0)) {
                break;
            }
            if (sampled && !candidates.isSampled()) {
                for (int chunk = 0; chunk <= prefix; chunk++) {
                    visit(candidates, keys, hashes, chunk, false);
                }
            }
            prefix++;
        }
        return new LookupAnswer(prefix, candidates.ranked(lookup.maxHolders()), indexComplete);
    }

    /**
     * Hashes some chunks and reads where they are: these reads wait for memory side by side, those of one chunk after the
     * other would not. Few at the beginning, since many chains end there. Returns the chunk after the last one.
     */
    private int touch(ChunkKeys keys, long[] hashes, int from) {
        int end = Math.min(hashes.length, from + Math.clamp(from, 2, MOST_AHEAD));
        int seen = 0;
        for (int chunk = from; chunk < end; chunk++) {
            hashes[chunk] = hash(keys, chunk);
            seen ^= segment(hashes[chunk]).touch(hashes[chunk]);
        }
        if (seen == Integer.MIN_VALUE) {
            // harmless; what is seen has to be of use, or the reads would be left out
            Thread.onSpinWait();
        }
        return end;
    }

    private boolean visit(Candidates candidates, ChunkKeys keys, long[] hashes, int chunk, boolean mayJoin) {
        int count = holders(keys, chunk, hashes[chunk], candidates);
        return count > 0 && candidates.visit(chunk, count, mayJoin);
    }

    private int holders(ChunkKeys keys, int chunk, long hash, Candidates into) {
        IndexSegment segment = segment(hash);
        int count = segment.holders(keys, chunk, hash, into.holders());
        while (count > into.holders().length) {
            into.makeRoom(count);
            count = segment.holders(keys, chunk, hash, into.holders());
        }
        return count;
    }

    /** Hands the holders of one chunk to a visitor, whoever they are. Returns false if it is not known. */
    boolean visitSlots(ChunkKeys keys, int chunk, Consumer<HolderSlot> visitor) {
        long hash = hash(keys, chunk);
        Candidates room = new Candidates(slots, "", hash);
        int count = holders(keys, chunk, hash, room);
        for (int i = 0; i < count; i++) {
            HolderSlot slot = room.slot(room.holders()[i]);
            if (slot != null) {
                visitor.accept(slot);
            }
        }
        return count > 0;
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
        return KeyTable.hash(keys, index, words, salt);
    }

    private IndexSegment segment(long hash) {
        return segments[number(hash)];
    }

    /** The lower bits choose the place in the segment. */
    private int number(long hash) {
        return (int) (hash >>> 32) & (segments.length - 1);
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
