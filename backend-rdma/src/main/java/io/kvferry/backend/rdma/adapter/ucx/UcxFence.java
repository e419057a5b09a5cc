package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.backend.rdma.adapter.posix.LocalProcess;
import org.jspecify.annotations.Nullable;
import org.openucx.jucx.ucp.UcpConstants;
import org.openucx.jucx.ucp.UcpEndpoint;

/**
 * How the two halves of a connection agree on its end where one process reaches into the other's memory by itself (cma): no
 * worker of the target takes part in that, so that destroying one fences nothing. The target asks; the initiator, once
 * nothing of its is in flight, says that it is gone. A process that has ended is gone without a word. Confined to the
 * owner thread.
 */
final class UcxFence {
    /** Of the handler that hears the other half. */
    static final int MESSAGE_ID = 2;

    private static final byte ASK = 1;
    private static final byte GONE = 2;

    private @Nullable LocalProcess other;
    private boolean otherEnded;
    private boolean otherIsGone;
    private boolean said;
    private boolean taken;

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

    void heard(byte message) {
        otherIsGone |= message == GONE;
    }

    /**
     * Of an initiator that closes.
     *
     * @param way to the target; null where there never was one
     * @param idle whether nothing is in flight, and nothing will be
     * @return whether the worker may go
     */
    boolean isGone(@Nullable UcpEndpoint way, boolean idle, Outbox outbox) {
        if (way != null && !otherEnded && idle) {
            say(GONE, 0, way, outbox);
        }
        return way == null || otherEnded || taken;
    }

    /** Of a target that closes: whether nothing reaches into this process any more. */
    boolean isAnswered(UcpEndpoint way, Outbox outbox) {
        if (!otherEnded && !otherIsGone) {
            say(ASK, UcpConstants.UCP_AM_SEND_FLAG_REPLY, way, outbox);
        }
        return otherEnded || otherIsGone;
    }

    private void say(byte message, long flags, UcpEndpoint way, Outbox outbox) {
        if (!said) {
            // where it cannot be sent, the other side hears nothing, and waits for the end of this process
            said = outbox.send(
                    way, MESSAGE_ID, new byte[] {message}, flags, () -> taken = true, (doing, status, text) -> {});
        }
    }
}
