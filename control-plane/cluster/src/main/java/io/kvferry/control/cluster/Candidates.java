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
final class Candidates implements IndexSegment.HolderVisitor {
    private static final int LOAD_STEP = 10;

    private final HolderSlots slots;
    private final String excluded;
    private final long chain;
    private final List<Candidate> all = new ArrayList<>(4);
    /** What the next visit is for. */
    private int chunk;

    private boolean joining;

    /** What the last visit found. */
    private boolean anybody;

    private boolean sampled;

    Candidates(HolderSlots slots, String excluded, long chain) {
        this.slots = slots;
        this.excluded = excluded;
        this.chain = chain;
    }

    private static final class Candidate {
        final HolderSlot slot;
        final Member member;
        /** Chunks from the first one on, without a gap. */
        int chunks;
        /** Whether {@link #chunks} may still grow. */
        boolean running = true;

        Tier slowest = Tier.DEVICE;

        Candidate(HolderSlot slot, Member member) {
            this.slot = slot;
            this.member = member;
        }
    }

    /** The next visit is to this chunk. Only those who hold all before it are followed; its holders may join. */
    void at(int position, boolean mayJoin) {
        chunk = position;
        joining = mayJoin;
        anybody = false;
    }

    /** Whether anybody whose chunks count holds the chunk visited last. */
    boolean foundAnybody() {
        return anybody;
    }

    /** Whether candidates of the chunk visited last are a sample only. */
    boolean isSampled() {
        return sampled;
    }

    @Override
    public void visit(HolderLists lists, int holders) {
        if (holders >= 0) {
            visitOne(holders);
            return;
        }
        int list = ~holders;
        if (joining) {
            join(lists, list);
        }
        for (Candidate candidate : all) {
            int at = candidate.running ? lists.find(list, candidate.slot.number) : -1;
            follow(candidate, at < 0 ? 0 : lists.get(list, at));
        }
        for (int i = 0; i < lists.size(list) && !anybody; i++) {
            anybody = countable(lists.get(list, i)) != null;
        }
    }

    private void visitOne(int holder) {
        HolderSlot slot = countable(holder);
        anybody = slot != null;
        if (joining && slot != null) {
            add(slot);
            sampled = false;
        }
        for (Candidate candidate : all) {
            follow(candidate, holder >>> HolderLists.TIER_BITS == candidate.slot.number ? holder : 0);
        }
    }

    private void join(HolderLists lists, int list) {
        int size = lists.size(list);
        sampled = size > Lookup.MAX_HOLDERS;
        if (sampled && chunk > 0) {
            return;
        }
        // where the sample begins differs from chain to chain, so that not the same nodes are asked each time
        int start = sampled ? (int) Long.remainderUnsigned(chain, size) : 0;
        for (int i = 0; i < Math.min(size, Lookup.MAX_HOLDERS); i++) {
            HolderSlot slot = countable(lists.get(list, (start + i) % size));
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

    private void follow(Candidate candidate, int holder) {
        if (!candidate.running || candidate.chunks != chunk) {
            return;
        }
        if (holder == 0) {
            candidate.running = false;
            return;
        }
        candidate.chunks++;
        Tier tier = Tier.fastest(holder & HolderLists.TIER_MASK);
        if (tier.number() > candidate.slowest.number()) {
            candidate.slowest = tier;
        }
    }

    private @Nullable HolderSlot countable(int holder) {
        HolderSlot slot = slots.get(holder >>> HolderLists.TIER_BITS);
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
        return all.stream()
                .filter(candidate -> candidate.chunks > 0)
                .sorted(Comparator.<Candidate>comparingInt(candidate -> -candidate.chunks)
                        .thenComparingInt(candidate -> candidate.member.stats().loadPercent() / LOAD_STEP)
                        .thenComparingInt(candidate -> candidate.member.missedKeepAlives())
                        .thenComparingInt(candidate -> candidate.slowest.number())
                        .thenComparingLong(candidate -> IndexDigest.mix(chain ^ candidate.slot.number)))
                .limit(max)
                .map(candidate -> new Holder(
                        candidate.member.registration(),
                        candidate.chunks,
                        candidate.slowest,
                        candidate.member.stats().loadPercent()))
                .toList();
    }
}
