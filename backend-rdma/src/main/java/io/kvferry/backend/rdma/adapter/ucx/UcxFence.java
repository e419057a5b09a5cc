package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.backend.rdma.adapter.posix.LocalProcess;
import org.jspecify.annotations.Nullable;

/**
 * How the two halves of a connection agree on its end where one process reaches into the other's memory by itself (cma): no
 * worker of the target takes part in that, so that destroying one fences nothing. The target asks; the initiator, once
 * nothing of its is in flight, says that it is gone. A process that has ended is gone without a word. Confined to the
 * owner thread.
 */
final class UcxFence {
    /** The message of a target that closes. */
    static final byte ASK = 1;

    /** The last message of an initiator. */
    static final byte GONE = 2;

    private @Nullable LocalProcess other;
    private boolean otherEnded;
    private boolean gone;
    private boolean said;
    private boolean delivered;

    /** The other half is known. */
    void meet(LocalProcess process) {
        other = process;
    }

    /** Looks whether the other process is still there; returns true the first time that it is not. */
    boolean misses() {
        if (otherEnded || other == null || !other.hasEnded()) {
            return false;
        }
        otherEnded = true;
        return true;
    }

    /** The initiator has said its last. */
    void gone() {
        gone = true;
    }

    /** True once, for the caller to say what its side says. */
    boolean takeTurnToSpeak() {
        boolean first = !said;
        said = true;
        return first;
    }

    /** What was said has been taken. */
    void delivered() {
        delivered = true;
    }

    /** Whether the initiator can let its worker go. */
    boolean isInitiatorDone() {
        return delivered || otherEnded;
    }

    /** Whether nothing reaches into the target any more. */
    boolean isTargetFenced() {
        return gone || otherEnded;
    }
}
