package io.kvferry.control.peer;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.kvferry.spi.PeerAddress;
import java.util.concurrent.TimeUnit;

/**
 * The connection to one peer, with the number of calls on it.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class PeerConnection {
    private final PeerAddress peer;
    private final ManagedChannel channel;

    private final Object lock = new Object();
    // both guarded by lock
    private int calls;
    private boolean retired;

    private volatile boolean dropped;

    PeerConnection(PeerAddress peer, ManagedChannel channel) {
        this.peer = peer;
        this.channel = channel;
    }

    PeerAddress peer() {
        return peer;
    }

    /** Takes a place for a call; false when all are taken. Every place is given back by {@link #release}. */
    boolean acquire(int maxCalls) {
        synchronized (lock) {
            if (calls >= maxCalls) {
                return false;
            }
            calls++;
            return true;
        }
    }

    void release() {
        boolean last;
        synchronized (lock) {
            calls--;
            last = retired && calls == 0;
        }
        if (last) {
            channel.shutdownNow();
        }
    }

    boolean isIdle() {
        synchronized (lock) {
            return calls == 0;
        }
    }

    ClientCall<byte[], byte[]> newCall(MethodDescriptor<byte[], byte[]> method, CallOptions options) {
        return channel.newCall(method, options);
    }

    /** No new calls come; ends with the last one under way. */
    void retire() {
        boolean last;
        synchronized (lock) {
            retired = true;
            last = calls == 0;
        }
        if (last) {
            channel.shutdownNow();
        }
    }

    /** Ends at once; calls under way fail. */
    void drop() {
        dropped = true;
        channel.shutdownNow();
    }

    /** Tells whether this side ended it. */
    boolean isDropped() {
        return dropped;
    }

    boolean hasEnded() {
        return channel.isTerminated();
    }

    boolean awaitEnd(long nanos) throws InterruptedException {
        return channel.awaitTermination(nanos, TimeUnit.NANOSECONDS);
    }
}
