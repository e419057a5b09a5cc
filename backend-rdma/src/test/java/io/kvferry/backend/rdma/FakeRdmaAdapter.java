package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.RdmaAdapter;
import io.kvferry.backend.rdma.adapter.RdmaAdapterInfo;
import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.backend.rdma.adapter.RdmaEvents;
import io.kvferry.backend.rdma.adapter.RdmaGrant;
import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.backend.rdma.adapter.SealedBytes;
import io.kvferry.conformance.FaultPlan;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A network card and its network, as hostile as real ones: operations of batches in flight mix in any order, queues are
 * short, bytes that were on their way land although the sender has closed its half, and a peer's close is noticed or not.
 *
 * <p>Asks a {@link FaultPlan} at {@code register}, {@code connect}, {@code accept}, {@code establish} (refuse, drop) and
 * {@code batch} (refuse fails the connection, drop loses the batch, half loses the rest of it).
 */
final class FakeRdmaAdapter implements RdmaAdapter {
    static final int MAGIC = 0x46414B45;
    private static final Map<Long, FakeRdmaAdapter> OPEN = new ConcurrentHashMap<>();
    private static final AtomicLong IDS = new AtomicLong();

    private final long id = IDS.incrementAndGet();
    private final FakeFabric fabric;
    private final Isolation isolation;
    private final Random random;
    private final Queue<Runnable> events = new ConcurrentLinkedQueue<>();
    private final Set<FakeWire> wires = ConcurrentHashMap.newKeySet();
    private final Map<Long, FakeConnection> accepted = new ConcurrentHashMap<>();
    private final Map<Long, Grant> grants = new ConcurrentHashMap<>();
    private final AtomicLong lastKey = new AtomicLong();
    private final AtomicLong registrations = new AtomicLong();
    private final Semaphore wakeUps = new Semaphore(0);

    FakeRdmaAdapter(FakeFabric fabric, Isolation isolation, long seed) {
        this.fabric = fabric;
        this.isolation = isolation;
        this.random = new Random(seed);
        OPEN.put(id, this);
    }

    static @Nullable FakeRdmaAdapter find(long id) {
        return OPEN.get(id);
    }

    FakeFabric fabric() {
        return fabric;
    }

    long registrations() {
        return registrations.get();
    }

    int connections() {
        return wires.size();
    }

    @Override
    public RdmaAdapterInfo info() {
        return new RdmaAdapterInfo(
                "fake",
                "memory copies that a fault plan spoils",
                isolation,
                16,
                8L << 20,
                isolation == Isolation.LEASE);
    }

    @Override
    public byte[] address() {
        return SealedBytes.seal(MAGIC, ByteBuffer.allocate(8).putLong(id).flip());
    }

    @Override
    public RdmaMemory register(MemoryRegion region, Deadline deadline) {
        refuse("register", Stage.REGISTER);
        registrations.incrementAndGet();
        return new Registered(region);
    }

    @Override
    public RdmaConnection connect(byte[] address, RdmaEvents itsEvents) {
        refuse("connect", Stage.PREPARE);
        long peer = SealedBytes.open(MAGIC, address, "an address").getLong();
        return new FakeConnection(this, itsEvents, IDS.incrementAndGet(), peer);
    }

    @Override
    public RdmaConnection accept(byte[] hello, RdmaEvents itsEvents) {
        refuse("accept", Stage.OFFER);
        long token = SealedBytes.open(MAGIC, hello, "a hello").getLong();
        FakeConnection half = new FakeConnection(this, itsEvents, token, 0);
        accepted.put(token, half);
        return half;
    }

    private void refuse(String point, Stage stage) {
        if (fabric.faults().next(point) instanceof FaultPlan.Refuse(TransferErrorCode code)) {
            throw new TransferException(code, stage, point + " was refused by the fault plan");
        }
    }

    @Nullable
    FakeConnection accepted(long token) {
        return accepted.get(token);
    }

    void forget(long token) {
        accepted.remove(token);
    }

    void add(FakeWire wire) {
        wires.add(wire);
        wake();
    }

    void remove(FakeWire wire) {
        wires.remove(wire);
    }

    void deliver(Runnable event) {
        events.add(event);
        wake();
    }

    int random(int bound) {
        synchronized (random) {
            return random.nextInt(bound);
        }
    }

    /** Finds memory that a key opens, or null: out of bounds, revoked, never granted. */
    @Nullable
    MemorySegment resolve(long key, long address, long length) {
        Grant grant = grants.get(key);
        if (grant == null) {
            return null;
        }
        long offset = address - grant.address;
        if (offset < 0 || length > grant.length || offset > grant.length - length) {
            return null;
        }
        return grant.region.segment().asSlice(address - grant.region.address(), length);
    }

    @Override
    public boolean progress() {
        boolean worked = false;
        for (FakeWire wire : wires) {
            for (int i = 0; i < 64 && wire.step(); i++) {
                worked = true;
            }
        }
        for (Runnable event = events.poll(); event != null; event = events.poll()) {
            worked = true;
            event.run();
        }
        return worked;
    }

    @Override
    public void await(long maxNanos) {
        try {
            if (wakeUps.tryAcquire(maxNanos, TimeUnit.NANOSECONDS)) {
                wakeUps.drainPermits();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void wake() {
        wakeUps.release();
    }

    @Override
    public void close() {
        OPEN.remove(id);
    }

    private final class Registered implements RdmaMemory {
        private final MemoryRegion region;
        private boolean gone;

        private Registered(MemoryRegion region) {
            this.region = region;
        }

        @Override
        public MemoryRegion region() {
            return region;
        }

        @Override
        public RdmaGrant grant(long offset, long length, Operation operation) {
            return isolation == Isolation.LEASE
                    ? new Grant(region, region.address() + offset, length)
                    : new Grant(region, region.address(), region.sizeBytes());
        }

        @Override
        public synchronized void deregister(Deadline deadline) {
            if (!gone) {
                gone = true;
                registrations.decrementAndGet();
            }
        }
    }

    private final class Grant implements RdmaGrant {
        private final long key = lastKey.incrementAndGet();
        private final MemoryRegion region;
        private final long address;
        private final long length;

        private Grant(MemoryRegion region, long address, long length) {
            this.region = region;
            this.address = address;
            this.length = length;
            grants.put(key, this);
        }

        @Override
        public byte[] key() {
            return SealedBytes.seal(MAGIC, ByteBuffer.allocate(8).putLong(key).flip());
        }

        /** Waits for the operation that is landing, as a real deregistration does. */
        @Override
        public void revoke() {
            grants.remove(key);
            wires.forEach(FakeWire::awaitStep);
        }
    }
}
