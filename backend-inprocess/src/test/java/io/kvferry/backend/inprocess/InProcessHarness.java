package io.kvferry.backend.inprocess;

import io.kvferry.conformance.BackendHarness;
import io.kvferry.spi.TransferBackendProvider;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** The in-process backend with a copy that can be stopped, failed and corrupted. */
final class InProcessHarness implements BackendHarness, BackendHarness.DataPlaneFaults, CopyAdapter {
    private final TransferBackendProvider provider = new InProcessBackendProvider(this);
    private final String name;
    private final Map<String, String> config;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition thawed = lock.newCondition();
    private boolean frozen;
    private volatile boolean failing;
    private volatile boolean corrupting;

    InProcessHarness(String name, Map<String, String> config) {
        this.name = name;
        this.config = config;
    }

    @Override
    public TransferBackendProvider provider() {
        return provider;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Map<String, String> config() {
        return config;
    }

    @Override
    public Optional<DataPlaneFaults> dataPlaneFaults() {
        return Optional.of(this);
    }

    @Override
    public void copy(
            MemorySegment source, long sourceOffset, MemorySegment destination, long destinationOffset, long bytes) {
        awaitThaw();
        if (failing) {
            throw new IllegalStateException("the copy was made to fail");
        }
        CopyAdapter.MEMORY.copy(source, sourceOffset, destination, destinationOffset, bytes);
        if (corrupting) {
            byte last = destination.get(ValueLayout.JAVA_BYTE, destinationOffset + bytes - 1);
            destination.set(ValueLayout.JAVA_BYTE, destinationOffset + bytes - 1, (byte) ~last);
        }
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
        lock.lock();
        try {
            frozen = true;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void thaw() {
        lock.lock();
        try {
            frozen = false;
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
    public boolean corrupt() {
        corrupting = true;
        return true;
    }

    @Override
    public void heal() {
        failing = false;
        corrupting = false;
    }
}
