package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.RdmaBatch;
import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.backend.rdma.adapter.RdmaEvents;
import io.kvferry.backend.rdma.adapter.RdmaRemoteKey;
import io.kvferry.backend.rdma.adapter.SealedBytes;
import io.kvferry.conformance.FaultPlan;
import io.kvferry.spi.TransferErrorCode;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** One half of a {@link FakeWire}. */
final class FakeConnection implements RdmaConnection {
    record Key(long number) implements RdmaRemoteKey {
        @Override
        public void release() {}
    }

    private final FakeRdmaAdapter adapter;
    private final RdmaEvents events;
    private final long token;
    private final long peer;
    private volatile @Nullable FakeWire wire;
    private boolean closed;
    private boolean failed;

    FakeConnection(FakeRdmaAdapter adapter, RdmaEvents events, long token, long peer) {
        this.adapter = adapter;
        this.events = events;
        this.token = token;
        this.peer = peer;
    }

    FakeRdmaAdapter adapter() {
        return adapter;
    }

    RdmaEvents events() {
        return events;
    }

    synchronized boolean isClosed() {
        return closed;
    }

    void join(FakeWire joined) {
        wire = joined;
        adapter.add(joined);
    }

    @Override
    public byte[] hello() {
        return SealedBytes.seal(
                FakeRdmaAdapter.MAGIC, ByteBuffer.allocate(8).putLong(token).flip());
    }

    @Override
    public void establish(byte[] hello) {
        long answer = SealedBytes.open(FakeRdmaAdapter.MAGIC, hello, "a hello").getLong();
        switch (adapter.fabric().faults().next("establish")) {
            case FaultPlan.Drop drop -> {
                return;
            }
            case FaultPlan.Refuse(TransferErrorCode code) -> {
                fail(code, "connecting was refused by the fault plan");
                return;
            }
            default -> {}
        }
        FakeRdmaAdapter other = FakeRdmaAdapter.find(peer);
        FakeConnection target = other == null || answer != token ? null : other.accepted(token);
        if (target == null) {
            fail(TransferErrorCode.CONNECTION_FAILED, "nobody there");
            return;
        }
        FakeWire joined = new FakeWire(this, target);
        join(joined);
        target.join(joined);
        adapter.deliver(events::connected);
    }

    @Override
    public RdmaRemoteKey importKey(byte[] key) {
        return new Key(SealedBytes.open(FakeRdmaAdapter.MAGIC, key, "a key").getLong());
    }

    @Override
    public boolean post(RdmaBatch batch) {
        FakeWire joined = wire;
        return joined == null || joined.post(batch);
    }

    @Override
    public boolean send(byte[] message) {
        FakeWire joined = wire;
        if (joined == null) {
            return true;
        }
        if (adapter.random(8) == 0) {
            return false;
        }
        joined.send(this, message.clone());
        return true;
    }

    void fail(TransferErrorCode code, String detail) {
        synchronized (this) {
            if (failed || closed) {
                return;
            }
            failed = true;
        }
        adapter.deliver(() -> {
            if (!isClosed()) {
                events.failed(code, detail);
            }
        });
    }

    @Override
    public void close() {
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
        }
        adapter.forget(token);
        FakeWire joined = wire;
        if (joined != null) {
            joined.close(this);
        }
        adapter.deliver(events::closed);
    }
}
