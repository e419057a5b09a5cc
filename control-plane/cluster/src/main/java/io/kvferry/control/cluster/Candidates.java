package io.kvferry.control.cluster;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The holders that one look-up follows along the chain.
 *
 * <p>A chunk that very many nodes hold, such as a system prompt, is followed through a sample of them. At the first chunk
 * that few enough hold, all of those join, and are then followed from the beginning, so nobody who holds more than the
 * common beginning is missed.
 *
 * <p><b>Threads:</b> Confined to the thread of its look-up.
 */
final class Candidates {
    private static final int LOAD_STEP = 10;
    private static final int USUAL_HOLDERS = 16;

    /** As they were when the look-up began, so that a number does not become another node's between two chunks. */
    private final @Nullable HolderSlot[] slots;

    private final String excluded;
    private final long chain;
    private final List<Candidate> all = new ArrayList<>(4);
    private int[] holders = new int[USUAL_HOLDERS];
    private boolean sampled;

    Candidates(HolderSlots slots, String excluded, long chain) {
        this.slots = slots.snapshot();
        this.excluded = excluded;
        this.chain = chain;
    }

    private static final class Candidate {
        static final Comparator<Candidate> BEST_FIRST = Comparator.<Candidate>comparingInt(each -> -each.chunks)
                .thenComparingInt(Candidate::loadStep)
                .thenComparingInt(each -> each.missedKeepAlives)
                .thenComparingInt(each -> each.slowest.number())
                .thenComparingLong(each -> each.lot);

        final HolderSlot slot;
        final Member member;
        /** Chunks from the first one on, without a gap. */
        int chunks;

        Tier slowest = Tier.DEVICE;

        // what it is ranked by; read once, since it changes while it is compared
        private int load;
        private int missedKeepAlives;
        private long lot;

        Candidate(HolderSlot slot, Member member) {
            this.slot = slot;
            this.member = member;
        }

        void weigh(long chain) {
            load = member.stats().loadPercent();
            missedKeepAlives = member.missedKeepAlives();
            lot = IndexDigest.mix(chain ^ slot.number);
        }

        private int loadStep() {
            return load / LOAD_STEP;
        }

        Holder holder() {
            return new Holder(member.registration(), chunks, slowest, load);
        }
    }

    /** Where the holders of the chunk that is visited next belong. */
    int[] holders() {
        return holders;
    }

    /** Makes room for that many holders. */
    void makeRoom(int count) {
        holders = new int[count];
    }

    /** Whether candidates of the chunk visited last are a sample only. */
    boolean isSampled() {
        return sampled;
    }

    /**
     * Looks at who holds a chunk: {@link #holders}, ordered by slot. Only those who hold all before it are followed.
     *
     * @param mayJoin whether its holders may join the candidates
     * @return whether anybody whose chunks count holds it
     */
    boolean visit(int chunk, int count, boolean mayJoin) {
        if (mayJoin) {
            join(chunk, count);
        }
        boolean anybody = false;
        for (int i = 0; i < all.size(); i++) {
            anybody |= follow(all.get(i), chunk, count);
        }
        // who holds it counts, too, where the chunks before are somebody else's
        for (int i = 0; i < count && !anybody; i++) {
            anybody = countable(holders[i]) != null;
        }
        return anybody;
    }

    private void join(int chunk, int count) {
        sampled = count > Lookup.MAX_HOLDERS;
        if (sampled && chunk > 0) {
            return;
        }
        // where the sample begins differs from chain to chain, so that not the same nodes are asked each time
        int start = sampled ? (int) Long.remainderUnsigned(chain, count) : 0;
        for (int i = 0; i < Math.min(count, Lookup.MAX_HOLDERS); i++) {
            HolderSlot slot = countable(holders[(start + i) % count]);
            if (slot != null) {
                add(slot);
            }
        }
    }

    private void add(HolderSlot slot) {
        for (Candidate candidate : all) {
            if (candidate.slot == slot) {
                return;
            }
        }
        Member member = slot.member;
        if (member != null) {
            all.add(new Candidate(slot, member));
        }
    }

    /** Returns whether the candidate has it, and all before it. */
    private boolean follow(Candidate candidate, int chunk, int count) {
        if (candidate.chunks != chunk) {
            return false;
        }
        int holder = holderWith(candidate.slot.number, count);
        if (holder == 0) {
            return false;
        }
        candidate.chunks++;
        Tier tier = Tier.fastest(holder & HolderLists.TIER_MASK);
        if (tier.number() > candidate.slowest.number()) {
            candidate.slowest = tier;
        }
        return true;
    }

    private int holderWith(int slot, int count) {
        int low = 0;
        int high = count;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (holders[middle] >>> HolderLists.TIER_BITS < slot) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low < count && holders[low] >>> HolderLists.TIER_BITS == slot ? holders[low] : 0;
    }

    /** Whose a copied holder is, or null if it was none when the look-up began. */
    @Nullable
    HolderSlot slot(int holder) {
        int number = holder >>> HolderLists.TIER_BITS;
        return number < slots.length ? slots[number] : null;
    }

    private @Nullable HolderSlot countable(int holder) {
        HolderSlot slot = slot(holder);
        Member member = slot == null ? null : slot.member;
        return slot == null
                        || member == null
                        || !slot.isVisible()
                        || member.id().equals(excluded)
                ? null
                : slot;
    }

    /** The best holders, best first. Those that are equal are spread by the chain, so that not all go to one. */
    List<Holder> ranked(int max) {
        all.removeIf(candidate -> candidate.chunks == 0);
        for (Candidate candidate : all) {
            candidate.weigh(chain);
        }
        all.sort(Candidate.BEST_FIRST);
        List<Holder> best = new ArrayList<>(Math.min(max, all.size()));
        for (int i = 0; i < all.size() && i < max; i++) {
            best.add(all.get(i).holder());
        }
        return best;
    }
}
