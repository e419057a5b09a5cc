package com.example.shm;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The side whose memory is offered. It does nothing but say, on the page, that the lease is over, and wait until the
 * initiator is seen outside or its process has ended: both prove that nothing will touch the memory again. Thread-safe.
 */
final class ShmTarget implements TargetTransfer, Side {
    private static final long LOOK_NANOS = 1_000_000;

    private enum Life {
        OPEN,
        /** Finished with the initiator inside: a thread looks for its end. */
        WATCHED,
        RELEASED
    }

    private final TargetPlan plan;
    private final ProcessFile initiatorFile;
    private final LeasePage page;
    private final LeaseTicket ticket;
    private final Consumer<Side> onReleased;

    private final Object lock = new Object();
    private volatile Life life = Life.OPEN;
    private volatile @Nullable TransferError error;
    private volatile boolean abandoned;

    /** Takes over {@code initiatorFile} and {@code page}. */
    ShmTarget(
            TargetPlan plan,
            ProcessFile initiatorFile,
            LeasePage page,
            LeaseTicket ticket,
            Consumer<Side> onReleased) {
        this.plan = plan;
        this.initiatorFile = initiatorFile;
        this.page = page;
        this.ticket = ticket;
        this.onReleased = onReleased;
    }

    @Override
    public Descriptor descriptor() {
        return ticket.encode();
    }

    @Override
    public void seal() {
        boolean ignored = isQuiet();
    }

    /** Seals too: without that, nobody inside would prove nothing. */
    @Override
    public boolean isQuiet() {
        synchronized (lock) {
            return life == Life.RELEASED || page.seal() || !initiatorFile.isAlive();
        }
    }

    @Override
    public Quiescence finish(Deadline grace) {
        synchronized (lock) {
            if (life == Life.OPEN) {
                if (isQuiet()) {
                    release();
                } else {
                    life = Life.WATCHED;
                    Thread ignored = Thread.ofVirtual().name("kvferry-shm-watch").start(this::watch);
                }
            }
            return life == Life.RELEASED ? Quiescence.QUIESCENT : Quiescence.QUARANTINED;
        }
    }

    private void watch() {
        while (!isQuiet()) {
            if (abandoned) {
                return;
            }
            LockSupport.parkNanos(LOOK_NANOS);
        }
        synchronized (lock) {
            release();
        }
        plan.observer().quiesced();
    }

    private void release() {
        life = Life.RELEASED;
        page.close();
        initiatorFile.close();
        onReleased.accept(this);
    }

    @Override
    public void abandon() {
        abandoned = true;
    }

    @Override
    public void fail(TransferErrorCode code, String detail) {
        boolean safe = isQuiet();
        synchronized (lock) {
            if (life != Life.OPEN || error != null) {
                return;
            }
            error = TransferError.of(code, Stage.TRANSFER, detail).withMemorySafe(safe);
        }
        plan.observer().failed(TransferError.of(code, Stage.TRANSFER, detail).withMemorySafe(safe));
    }

    /** Progress is not declared ({@code TARGET_PROGRESS}): the engine hears of it from the initiator's. */
    @Override
    public TransferStatus status() {
        return new TransferStatus(
                state(), 0, plan.blocks().totalBytes(), 0, plan.blocks().size(), error);
    }

    private TransferState state() {
        return switch (life) {
            case OPEN -> error == null ? TransferState.PREPARED : TransferState.FAILED;
            case WATCHED -> TransferState.QUARANTINED;
            case RELEASED -> TransferState.FINISHED;
        };
    }

    @Override
    public TransferId id() {
        return plan.id();
    }

    @Override
    public int attempt() {
        return plan.attempt();
    }

    @Override
    public PeerIdentity peer() {
        return plan.peer();
    }

    @Override
    public String toString() {
        return "lease of transfer " + id() + " for " + peer();
    }
}
