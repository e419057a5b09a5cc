package io.kvferry.backend.mooncake;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Side;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferStatus;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * The target's side of a transfer by the native engine, which reaches registered memory without this process and cannot be
 * kept from it. So the initiator is let in by a word and has to say that it has left; one that never does stays in the gate
 * until the engine is replaced. Thread-safe.
 */
final class NativeTarget implements TargetTransfer, PeerChannel.Receiver {
    private final TargetPlan plan;
    private final Descriptor descriptor;
    private final BlockTally tally;
    private final AtomicBoolean inside = new AtomicBoolean();
    private final AtomicBoolean finished = new AtomicBoolean();
    private final CompletableFuture<Void> outside = new CompletableFuture<>();

    /** @param released runs once, when the lease is over and its place is free */
    NativeTarget(TargetPlan plan, Descriptor descriptor, Runnable released) {
        this.plan = plan;
        this.descriptor = descriptor;
        this.tally = new BlockTally(Side.TARGET, plan.blocks(), plan.observer(), released);
    }

    TargetPlan plan() {
        return plan;
    }

    BlockTally tally() {
        return tally;
    }

    /**
     * Hears the initiator from now on.
     *
     * @param foreign whether nobody will say a word: then whoever comes may be in the memory from now on
     */
    void listen(boolean foreign) {
        PeerChannel channel = plan.channel();
        if (channel == null || foreign) {
            admit();
        } else {
            channel.receive(this);
        }
    }

    private boolean admit() {
        if (!inside.get() && !tally.gate().enter()) {
            return false;
        }
        inside.set(true);
        return true;
    }

    @Override
    public void message(byte[] message) {
        switch (NativeSignal.of(message)) {
            case JOIN -> say(admit() ? NativeSignal.GO : NativeSignal.STOP);
            case DRAINED -> left();
            case GO, STOP -> fail(TransferErrorCode.PROTOCOL_ERROR, "the initiator spoke as a target does");
            case null -> fail(TransferErrorCode.PROTOCOL_ERROR, "the initiator sent a message that makes no sense");
        }
    }

    @Override
    public void closed(@Nullable TransferError error) {
        // what is over the engine knows; who is inside stays inside
    }

    /** The initiator, or the library with it, is not in the memory any more. */
    void left() {
        if (inside.compareAndSet(true, false)) {
            tally.gate().leave();
        }
        outside.complete(null);
    }

    void fail(TransferErrorCode code, String detail) {
        tally.fail(code, detail);
    }

    /** Asks the initiator to end. */
    void stop() {
        say(NativeSignal.STOP);
    }

    private void say(NativeSignal signal) {
        PeerChannel channel = plan.channel();
        if (channel != null) {
            signal.send(channel);
        }
    }

    /** Completes when the initiator is not in the memory. */
    CompletableFuture<Void> outside() {
        return inside.get() ? outside : CompletableFuture.completedFuture(null);
    }

    @Override
    public Descriptor descriptor() {
        return descriptor;
    }

    @Override
    public TransferStatus status() {
        return tally.status();
    }

    @Override
    public void seal() {
        tally.gate().seal();
    }

    /** Always QUARANTINED: of a backend without REVOKE the engine takes {@code quiesced()} alone for a proof. */
    @Override
    public Quiescence finish(Deadline grace) {
        if (finished.compareAndSet(false, true)) {
            if (tally.finish() == Quiescence.QUIESCENT) {
                plan.observer().quiesced();
            } else {
                stop();
            }
        }
        return Quiescence.QUARANTINED;
    }

    @Override
    public String toString() {
        return "lease of " + plan.operation() + " " + plan.id() + "/" + plan.attempt() + " of "
                + plan.blocks().totalBytes() + " bytes to " + plan.peer();
    }
}
