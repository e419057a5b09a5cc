package io.kvferry.control.cluster;

import java.util.Collection;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Whether every member has told what it holds. Look-ups ask very often and it changes rarely, so the answer is kept until
 * something changes that can make it another.
 *
 * <p><b>Threads:</b> Thread-safe; nothing blocks.
 */
final class IndexCompleteness {
    private final AtomicLong changes = new AtomicLong();
    private volatile Known known = new Known(-1, false);

    private record Known(long change, boolean complete) {}

    /** A member came, went, or has told what it holds. */
    void changed() {
        changes.incrementAndGet();
    }

    boolean of(Collection<Member> members) {
        Known last = known;
        long now = changes.get();
        if (last.change == now) {
            return last.complete;
        }
        boolean complete = members.stream()
                .noneMatch(member ->
                        member.state() == NodeState.LIVE && !member.index().isSynced());
        known = new Known(now, complete);
        return complete;
    }
}
