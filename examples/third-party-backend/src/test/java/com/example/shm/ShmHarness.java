package com.example.shm;

import io.kvferry.conformance.BackendHarness;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** What the suite needs to know of this backend, and a copy that it can stop and fail. */
final class ShmHarness implements BackendHarness, BackendHarness.DataPlaneFaults, RemoteCopy {
    private final TransferBackendProvider provider = new ShmBackendProvider(this);
    private final RemoteCopy real = new ProcessVmCopy();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition thawed = lock.newCondition();
    private boolean frozen;
    private volatile boolean failing;

    @Override
    public TransferBackendProvider provider() {
        return provider;
    }

    @Override
    public boolean crossesProcesses() {
        return true;
    }

    @Override
    public Optional<DataPlaneFaults> dataPlaneFaults() {
        return Optional.of(this);
    }

    @Override
    public long copy(int pid, Operation operation, CopyBatch batch) {
        awaitThaw();
        if (failing) {
            throw new TransferException(
                    TransferErrorCode.TRANSFER_FAILED, Stage.TRANSFER, "the copy was made to fail");
        }
        return real.copy(pid, operation, batch);
    }

    private void awaitThaw() {
        lock.lock();
        try {
            while (frozen) {
                thawed.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void freeze() {
        setFrozen(true);
    }

    @Override
    public void thaw() {
        setFrozen(false);
    }

    private void setFrozen(boolean value) {
        lock.lock();
        try {
            frozen = value;
            thawed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public boolean fail() {
        failing = true;
        return true;
    }

    @Override
    public void heal() {
        failing = false;
    }
}
