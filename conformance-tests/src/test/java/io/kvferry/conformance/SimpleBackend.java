package io.kvferry.conformance;

import io.kvferry.spi.AbortScope;
import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.BackendInfo;
import io.kvferry.spi.BackendLimits;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Capability;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferObserver;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import io.kvferry.spi.WireId;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The smallest backend that keeps the contract: it copies inside {@code submit}, under the lock of the lease. With a flaw it
 * breaks one rule.
 */
final class SimpleBackend implements TransferBackend {
    private static final Map<Long, Target> LEASES = new ConcurrentHashMap<>();
    private static final SecureRandom RANDOM = new SecureRandom();

    private final @Nullable Flaw flaw;
    private volatile boolean closed;

    /** What a backend can do wrong. */
    enum Flaw {
        /** A submit that comes second to finish still copies. */
        WRITES_AFTER_FINISH,
        /** The target's finish does not keep the initiator out. */
        WRITES_AFTER_REVOKE,
        /** Of ten thousand blocks the last is reported and never copied. */
        REPORTS_TOO_EARLY,
        /** Behind a block of one byte another byte is written. */
        WRITES_TOO_MUCH,
        /** A lease is found without its whole key. */
        TAKES_ANY_KEY,
        /** A transfer of which nothing was submitted never proves quiescence, and reset fails. */
        NEVER_QUIESCENT,
        /** A thread outlives close. */
        LEAKS_A_THREAD,
        /** READ is declared, and refused for ten thousand blocks. */
        DECLARES_TOO_MUCH,
        /** A block that comes alone is reported twice. */
        REPORTS_TWICE,
        /** Ten thousand blocks make it throw an exception of its own. */
        THROWS_ITS_OWN
    }

    private SimpleBackend(@Nullable Flaw flaw) {
        this.flaw = flaw;
    }

    static TransferBackendProvider provider(@Nullable Flaw flaw) {
        return new Provider(flaw);
    }

    private record Provider(@Nullable Flaw flaw) implements TransferBackendProvider {
        @Override
        public String name() {
            return "simple";
        }

        @Override
        public Set<ConfigKey<?>> configKeys() {
            return Set.of();
        }

        @Override
        public Availability probe(BackendConfig config) {
            return new Availability.Available("copies");
        }

        @Override
        public TransferBackend open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
            return new SimpleBackend(flaw);
        }
    }

    private boolean has(Flaw asked) {
        return flaw == asked;
    }

    @Override
    public BackendInfo info() {
        EnumSet<Capability> capabilities = EnumSet.of(
                Capability.READ,
                Capability.WRITE,
                Capability.HOST_MEMORY,
                Capability.PEER_CONTROL,
                Capability.REVOKE,
                Capability.CANCEL_IN_FLIGHT,
                Capability.TARGET_PROGRESS);
        return new BackendInfo(
                "simple",
                new WireId("simple", 1),
                capabilities,
                Isolation.LEASE,
                AbortScope.TRANSFER,
                BackendLimits.NONE,
                "copies");
    }

    @Override
    public BackendEndpoint endpoint() {
        return BackendEndpoint.EMPTY;
    }

    @Override
    public MemoryHandle register(MemoryRegion region, Deadline deadline) {
        return new MemoryHandle() {
            @Override
            public MemoryRegion region() {
                return region;
            }

            @Override
            public void deregister(Deadline until) {
                // nothing was allocated
            }
        };
    }

    @Override
    public Proposal propose(InitiatorPlan plan) {
        return Proposal.EMPTY;
    }

    @Override
    public TargetTransfer accept(TargetPlan plan, Proposal proposal, Deadline deadline) {
        if (has(Flaw.THROWS_ITS_OWN) && plan.blocks().size() == 10_000) {
            throw new IllegalStateException("not one of the contract's exceptions");
        }
        Target target = new Target(plan, RANDOM.nextLong(), RANDOM.nextLong());
        LEASES.put(target.slot, target);
        return target;
    }

    @Override
    public InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline) {
        if (deadline.isExpired()) {
            throw new TransferException(TransferErrorCode.DEADLINE_EXCEEDED, Stage.PREPARE, "too late");
        }
        if (has(Flaw.DECLARES_TOO_MUCH)
                && plan.operation() == Operation.READ
                && plan.blocks().size() == 10_000) {
            throw new TransferException(TransferErrorCode.UNSUPPORTED, Stage.PREPARE, "READ after all is not");
        }
        ByteBuffer bytes = descriptor.buffer();
        long slot = bytes.getLong();
        long key = bytes.getLong();
        Target target = has(Flaw.TAKES_ANY_KEY)
                ? LEASES.values().stream()
                        .filter(lease -> lease.plan.id().equals(plan.id()))
                        .findFirst()
                        .orElse(null)
                : LEASES.get(slot);
        if (target == null || (target.key != key && !has(Flaw.TAKES_ANY_KEY))) {
            throw new TransferException(TransferErrorCode.ACCESS_DENIED, Stage.PREPARE, "no such lease");
        }
        return new Initiator(plan, target);
    }

    @Override
    public void reset(ResetScope scope, Deadline deadline) {
        if (has(Flaw.NEVER_QUIESCENT)) {
            throw new TransferException(TransferErrorCode.DEADLINE_EXCEEDED, Stage.FINISH, "no fence");
        }
    }

    @Override
    public CloseReport close(Deadline deadline) {
        if (has(Flaw.LEAKS_A_THREAD) && !closed) {
            Thread.ofPlatform().daemon().name("leaked-by-simple").start(LockSupport::park);
        }
        closed = true;
        return CloseReport.CLEAN;
    }

    /** What has been applied, in blocks and bytes. */
    private static final class Progress {
        private final BlockList blocks;
        private int blocksDone;
        private long bytesDone;

        Progress(BlockList blocks) {
            this.blocks = blocks;
        }

        synchronized void add(BlockRange range) {
            blocksDone += range.count();
            bytesDone += blocks.bytes(range);
        }

        synchronized TransferStatus status() {
            return new TransferStatus(
                    TransferState.IN_FLIGHT, bytesDone, blocks.totalBytes(), blocksDone, blocks.size(), null);
        }
    }

    private final class Target implements TargetTransfer {
        private final TargetPlan plan;
        private final long slot;
        private final long key;
        private final Progress progress;
        private boolean sealed;

        Target(TargetPlan plan, long slot, long key) {
            this.plan = plan;
            this.slot = slot;
            this.key = key;
            this.progress = new Progress(plan.blocks());
        }

        @Override
        public Descriptor descriptor() {
            return new Descriptor(
                    ByteBuffer.allocate(16).putLong(slot).putLong(key).array());
        }

        @Override
        public TransferStatus status() {
            return progress.status();
        }

        @Override
        public synchronized void seal() {
            sealed = true;
        }

        @Override
        public synchronized Quiescence finish(Deadline grace) {
            sealed = true;
            LEASES.remove(slot);
            return Quiescence.QUIESCENT;
        }

        synchronized boolean isOpen() {
            return !sealed || has(Flaw.WRITES_AFTER_REVOKE);
        }
    }

    private final class Initiator implements InitiatorTransfer {
        private final InitiatorPlan plan;
        private final Target target;
        private final Progress progress;
        private boolean finished;

        Initiator(InitiatorPlan plan, Target target) {
            this.plan = plan;
            this.target = target;
            this.progress = new Progress(plan.blocks());
        }

        @Override
        public void submit(BlockRange range) {
            TransferObserver here = plan.observer();
            synchronized (this) {
                if (finished && !has(Flaw.WRITES_AFTER_FINISH)) {
                    return;
                }
                synchronized (target) {
                    if (!target.isOpen() && !has(Flaw.WRITES_AFTER_FINISH)) {
                        here.failed(TransferError.of(
                                TransferErrorCode.LEASE_ENDED, Stage.TRANSFER, "the target has taken it back"));
                        return;
                    }
                    for (int i = range.first(); i < range.end(); i++) {
                        copy(i, i == plan.blocks().size() - 1);
                    }
                    target.progress.add(range);
                }
                progress.add(range);
            }
            target.plan.observer().applied(range);
            here.applied(range);
            if (range.count() == 1 && has(Flaw.REPORTS_TWICE)) {
                here.applied(range);
            }
        }

        private void copy(int block, boolean last) {
            if (last && block == 9999 && has(Flaw.REPORTS_TOO_EARLY)) {
                return;
            }
            boolean write = plan.operation() == Operation.WRITE;
            BlockList from = write ? plan.blocks() : target.plan.blocks();
            BlockList to = write ? target.plan.blocks() : plan.blocks();
            MemorySegment destination = to.region(block).segment();
            long end = to.offset(block) + to.length(block);
            MemorySegment.copy(
                    from.region(block).segment(),
                    from.offset(block),
                    destination,
                    to.offset(block),
                    from.length(block));
            if (has(Flaw.WRITES_TOO_MUCH) && to.length(block) == 1) {
                destination.set(ValueLayout.JAVA_BYTE, end, (byte) 0x55);
            }
        }

        @Override
        public TransferStatus status() {
            return progress.status();
        }

        @Override
        public synchronized Quiescence finish(Deadline grace) {
            finished = true;
            return has(Flaw.NEVER_QUIESCENT) && progress.status().blocksDone() == 0
                    ? Quiescence.QUARANTINED
                    : Quiescence.QUIESCENT;
        }
    }
}
