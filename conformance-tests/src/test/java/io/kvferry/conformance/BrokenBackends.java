package io.kvferry.conformance;

import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendInfo;
import io.kvferry.spi.BackendLimits;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Capability;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
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
import io.kvferry.spi.TransferStatus;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiFunction;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** Backends that do something wrong. The engine above them is sound. */
final class BrokenBackends {
    private static final Duration SLOW = Duration.ofSeconds(1);

    private BrokenBackends() {}

    static List<Breakage> all() {
        return List.of(
                Breakage.of("it is not in META-INF/services", withProvider(Unlisted::new), "R10.1").broad(),
                Breakage.of("its probe changes its mind", withProvider(Moody::new), "R10.2"),
                Breakage.of("one of its keys is somebody else's", withProvider(ForeignKey::new), "R12.2").broad(),
                Breakage.of("it does not say how it moves bytes", info(BrokenBackends::nameless), "R10.11").broad(),
                Breakage.of("it takes small blocks only", info(BrokenBackends::limited), "R17.5", "R16.2")
                        .broad(),
                Breakage.of(
                        "it declares device memory without a way to copy it",
                        info(info -> declaring(info, Capability.CUDA_MEMORY)),
                        "R10.6"),
                Breakage.of("READ is declared and refused", refusing(Operation.READ), "R10.3")
                        .broad(),
                Breakage.of("WRITE is declared and refused", refusing(Operation.WRITE), "R10.4")
                        .broad(),
                Breakage.of("host memory is declared and refused", NoHostMemory::new, "R10.5")
                        .broad(),
                Breakage.of("a checksum is declared and refused", refusingChecksums(), "R10.7", "R10.8"),
                Breakage.of("a pool is too much for it", SmallPool::new, "R17.1"),
                Breakage.of("its close leaves something behind", Untidy::new, "R20.2", "R20.3", "R20.6", "R20.8"),
                Breakage.of("it dies of a proposal that is wrong", DiesOfProposals::new, "R11.5"),
                Breakage.of("it refuses a second attempt", refusingRetries(), "R6.4", "R9.2", "R9.3", "R15.6")
                        .broad(),
                Breakage.of("of one lease it serves one fetch", refusingSubsets(), "R15.10"),
                Breakage.of(
                        "its status does not come to the end", initiator((plan, sound) -> new Lags(plan, sound)), "R14.5"),
                Breakage.of(
                                "its status says nothing",
                                initiator((plan, sound) -> new Silent(sound)),
                                "R1.7",
                                "R14.5",
                                "R19.1")
                        .broad(),
                Breakage.of(
                                "it reports more than was submitted",
                                initiator((plan, sound) -> new Exaggerates(plan, sound)),
                                "R4.10",
                                "R1.1")
                        .broad(),
                Breakage.of(
                        "a block that comes alone may get lost",
                        initiator((plan, sound) -> new LosesOne(sound)),
                        "R6.3"),
                Breakage.of(
                        "a part of two blocks is reported twice",
                        initiator((plan, sound) -> new RepeatsPairs(plan, sound)),
                        "R19.4"),
                Breakage.of(
                        "it writes to its source",
                        initiator((plan, sound) -> new WritesSource(plan, sound)),
                        "R18.1"),
                damages("of a large block the end is missing", blocks -> blocks.length(0) > 64 << 20, "R16.2"),
                damages("among many blocks two change places", blocks -> blocks.size() == 257, "R15.3"),
                damages("what was sent before is sent again", blocks -> isUniform(blocks, 100, 8191), "R16.7"),
                damages("a second region is taken for the first", blocks -> isUniform(blocks, 4, 1000), "R16.4"),
                damages("offsets have 32 bits", blocks -> isUniform(blocks, 3, 65_537), "R16.5"),
                damages(
                        "gaps between blocks are not left out",
                        blocks -> blocks.region(0).sizeBytes() == (1 << 20) + 13,
                        "R16.6"),
                Breakage.of("two submits at the same time meet", Racy::new, "R14.2", "R14.8")
                        .broad(),
                Breakage.of("its close takes as long as it likes", SlowClose::new, "R20.4", "R20.5")
                        .broad(),
                Breakage.of(
                        "bytes that were under way land when somebody else's do",
                                LateWriter::new,
                                "R4.4",
                                "R4.9",
                                "R6.1",
                                "R6.5",
                                "R6.6")
                        .broad(),
                Breakage.of(
                        "a failure takes its neighbours with it",
                        TakesNeighbours::new,
                        "R14.6"),
                Breakage.of("a goodbye looks like a crash", CrashesAtGoodbye::new, "R8.2"),
                Breakage.of("its target does not say what has arrived", BlindTarget::new, "R10.9", "R15.7"),
                Breakage.of("its target cannot end its peer's access", HeldTarget::new, "R5.11").broad(),
                Breakage.of("it cannot be fenced", NoFence::new, "R5.10", "R4.7"));
    }

    private static BackendHarness withProvider(UnaryOperator<TransferBackendProvider> flaw) {
        // one for all calls, as a class found by ServiceLoader would be
        return BackendHarness.of(flaw.apply(SimpleBackend.provider(null)));
    }

    private static UnaryOperator<TransferBackend> info(UnaryOperator<BackendInfo> flaw) {
        return backend -> new Forwarding.Backend(backend) {
            @Override
            public BackendInfo info() {
                return flaw.apply(super.info());
            }
        };
    }

    private static BackendInfo nameless(BackendInfo info) {
        return new BackendInfo(
                info.name(),
                info.wireId(),
                info.capabilities(),
                info.isolation(),
                info.abortScope(),
                info.limits(),
                " ");
    }

    private static BackendInfo limited(BackendInfo info) {
        return new BackendInfo(
                info.name(),
                info.wireId(),
                info.capabilities(),
                info.isolation(),
                info.abortScope(),
                new BackendLimits(1 << 20, 100_000, 1000),
                info.description());
    }

    private static BackendInfo declaring(BackendInfo info, Capability more) {
        EnumSet<Capability> capabilities = EnumSet.copyOf(info.capabilities());
        capabilities.add(more);
        return new BackendInfo(
                info.name(),
                info.wireId(),
                capabilities,
                info.isolation(),
                info.abortScope(),
                info.limits(),
                info.description());
    }

    private static UnaryOperator<TransferBackend> initiator(
            BiFunction<InitiatorPlan, InitiatorTransfer, InitiatorTransfer> flaw) {
        return backend -> new Forwarding.Backend(backend) {
            @Override
            public InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline) {
                return flaw.apply(plan, super.prepare(plan, descriptor, deadline));
            }
        };
    }

    private static InitiatorTransfer refused(String detail) {
        throw new TransferException(TransferErrorCode.UNSUPPORTED, Stage.PREPARE, detail);
    }

    private static UnaryOperator<TransferBackend> refusing(Operation operation) {
        return initiator(
                (plan, sound) -> plan.operation() == operation ? refused(operation + " after all is not") : sound);
    }

    private static UnaryOperator<TransferBackend> refusingChecksums() {
        return backend -> info(info -> declaring(info, Capability.CHECKSUM))
                .apply(initiator((plan, sound) ->
                                plan.checksum() == ChecksumMode.ON ? refused("no checksum after all") : sound)
                        .apply(backend));
    }

    private static UnaryOperator<TransferBackend> refusingRetries() {
        return initiator((plan, sound) -> plan.attempt() > 1 ? refused("tried that before") : sound);
    }

    private static UnaryOperator<TransferBackend> refusingSubsets() {
        return initiator((plan, sound) ->
                plan.attempt() > 1 && plan.blocks().size() == 4 ? refused("this lease is in use") : sound);
    }

    private static final class Unlisted extends Forwarding.Provider {
        Unlisted(TransferBackendProvider sound) {
            super(sound);
        }

        @Override
        public String name() {
            return "unlisted";
        }
    }

    private static final class Moody extends Forwarding.Provider {
        private final AtomicInteger asked = new AtomicInteger();

        Moody(TransferBackendProvider sound) {
            super(sound);
        }

        @Override
        public Availability probe(BackendConfig config) {
            return asked.incrementAndGet() == 45
                    ? new Availability.Unavailable(TransferErrorCode.BACKEND_UNAVAILABLE, "busy", "ask again")
                    : super.probe(config);
        }
    }

    private static final class ForeignKey extends Forwarding.Provider {
        ForeignKey(TransferBackendProvider sound) {
            super(sound);
        }

        @Override
        public Set<ConfigKey<?>> configKeys() {
            return Set.of(ConfigKey.text("kvferry.somebody.else", "", "not this backend's"));
        }
    }

    private static final class NoHostMemory extends Forwarding.Backend {
        NoHostMemory(TransferBackend sound) {
            super(sound);
        }

        @Override
        public MemoryHandle register(MemoryRegion region, Deadline deadline) {
            throw new TransferException(TransferErrorCode.UNSUPPORTED, Stage.OFFER, "no host memory after all");
        }
    }

    private static final class SmallPool extends Forwarding.Backend {
        private final AtomicInteger regions = new AtomicInteger();

        SmallPool(TransferBackend sound) {
            super(sound);
        }

        @Override
        public MemoryHandle register(MemoryRegion region, Deadline deadline) {
            if (regions.incrementAndGet() > 90) {
                throw new TransferException(TransferErrorCode.RESOURCE_EXHAUSTED, Stage.OFFER, "ninety is enough");
            }
            return super.register(region, deadline);
        }
    }

    private static final class Untidy extends Forwarding.Backend {
        Untidy(TransferBackend sound) {
            super(sound);
        }

        @Override
        public CloseReport close(Deadline deadline) {
            super.close(deadline);
            return new CloseReport(List.of("a thread of the library"));
        }
    }

    private static final class DiesOfProposals extends Forwarding.Backend {
        DiesOfProposals(TransferBackend sound) {
            super(sound);
        }

        @Override
        public Proposal propose(InitiatorPlan plan) {
            return new Proposal(new byte[] {1, 2, 3, 4});
        }

        @Override
        public TargetTransfer accept(TargetPlan plan, Proposal proposal, Deadline deadline) {
            for (int i = 0; i < 4; i++) {
                if (proposal.buffer().get(i) != i + 1) {
                    throw new IllegalStateException("that is no proposal of mine");
                }
            }
            return super.accept(plan, proposal, deadline);
        }
    }

    private static final class Lags extends Forwarding.Initiator {
        private final boolean watched;

        Lags(InitiatorPlan plan, InitiatorTransfer sound) {
            super(sound);
            watched = isUniform(plan.blocks(), 64, 256 * 1024);
        }

        @Override
        public TransferStatus status() {
            TransferStatus now = super.status();
            return watched && now.blocksDone() == now.blocksTotal()
                    ? new TransferStatus(
                            now.state(),
                            now.bytesDone(),
                            now.bytesTotal(),
                            now.blocksDone() - 1,
                            now.blocksTotal(),
                            null)
                    : now;
        }
    }

    private static final class Silent extends Forwarding.Initiator {
        Silent(InitiatorTransfer sound) {
            super(sound);
        }

        @Override
        public TransferStatus status() {
            TransferStatus now = super.status();
            return new TransferStatus(now.state(), 0, now.bytesTotal(), 0, now.blocksTotal(), null);
        }
    }

    private static final class Exaggerates extends Forwarding.Initiator {
        private final InitiatorPlan plan;

        Exaggerates(InitiatorPlan plan, InitiatorTransfer sound) {
            super(sound);
            this.plan = plan;
        }

        @Override
        public void submit(BlockRange blocks) {
            super.submit(blocks);
            int half = plan.blocks().size() / 2;
            if (blocks.first() == 0 && blocks.count() == half) {
                plan.observer().applied(new BlockRange(half, half));
            }
        }
    }

    private static final class LosesOne extends Forwarding.Initiator {
        LosesOne(InitiatorTransfer sound) {
            super(sound);
        }

        @Override
        public void submit(BlockRange blocks) {
            if (blocks.first() != 200 || blocks.count() != 1) {
                super.submit(blocks);
            }
        }
    }

    private static final class RepeatsPairs extends Forwarding.Initiator {
        private final InitiatorPlan plan;

        RepeatsPairs(InitiatorPlan plan, InitiatorTransfer sound) {
            super(sound);
            this.plan = plan;
        }

        @Override
        public void submit(BlockRange blocks) {
            super.submit(blocks);
            if (blocks.count() == 2) {
                plan.observer().applied(blocks);
            }
        }
    }

    private static final class WritesSource extends Forwarding.Initiator {
        private final InitiatorPlan plan;

        WritesSource(InitiatorPlan plan, InitiatorTransfer sound) {
            super(sound);
            this.plan = plan;
        }

        @Override
        public void submit(BlockRange blocks) {
            super.submit(blocks);
            BlockList own = plan.blocks();
            if (plan.operation() == Operation.WRITE && own.size() == 64 && own.length(0) == 4096) {
                own.region(0).segment().set(ValueLayout.JAVA_BYTE, own.offset(0), (byte) 0x77);
            }
        }
    }

    private static boolean isUniform(BlockList blocks, int count, long firstBytes) {
        return blocks.size() == count && blocks.length(0) == firstBytes;
    }

    /** Of certain blocks, the last byte that a READ brought is another one. */
    private static Breakage damages(String name, Predicate<BlockList> which, String... rules) {
        return Breakage.of(
                name,
                initiator((plan, sound) -> plan.operation() == Operation.READ && which.test(plan.blocks())
                        ? new Damages(plan, sound)
                        : sound),
                rules);
    }

    private static final class Damages extends Forwarding.Initiator {
        private final BlockList blocks;

        Damages(InitiatorPlan plan, InitiatorTransfer sound) {
            super(sound);
            this.blocks = plan.blocks();
        }

        @Override
        public void submit(BlockRange range) {
            damage(blocks, () -> super.submit(range));
        }
    }

    /** Moves, and has another byte at the end of the last block than was sent. */
    private static void damage(BlockList blocks, Runnable move) {
        int last = blocks.size() - 1;
        MemorySegment memory = blocks.region(last).segment();
        long at = blocks.offset(last) + blocks.length(last) - 1;
        byte before = memory.get(ValueLayout.JAVA_BYTE, at);
        move.run();
        byte after = memory.get(ValueLayout.JAVA_BYTE, at);
        memory.set(ValueLayout.JAVA_BYTE, at, before != after ? before : (byte) ~after);
    }

    private static final class Racy extends Forwarding.Backend {
        private static final AtomicInteger INSIDE = new AtomicInteger();

        Racy(TransferBackend sound) {
            super(sound);
        }

        @Override
        public InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline) {
            return new Forwarding.Initiator(super.prepare(plan, descriptor, deadline)) {
                @Override
                public void submit(BlockRange range) {
                    INSIDE.incrementAndGet();
                    Thread.yield();
                    try {
                        if (INSIDE.get() > 1 && plan.operation() == Operation.READ) {
                            damage(plan.blocks(), () -> super.submit(range));
                        } else {
                            super.submit(range);
                        }
                    } finally {
                        INSIDE.decrementAndGet();
                    }
                }
            };
        }
    }

    private static final class SlowClose extends Forwarding.Backend {
        SlowClose(TransferBackend sound) {
            super(sound);
        }

        @Override
        public CloseReport close(Deadline deadline) {
            LockSupport.parkNanos(SLOW.toNanos());
            return super.close(deadline);
        }
    }

    /** What has ended writes once more, when the next transfer does. */
    private static final class LateWriter extends Forwarding.Backend {
        private final Set<InitiatorPlan> over = ConcurrentHashMap.newKeySet();

        LateWriter(TransferBackend sound) {
            super(sound);
        }

        @Override
        public InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline) {
            return new Forwarding.Initiator(super.prepare(plan, descriptor, deadline)) {
                @Override
                public void submit(BlockRange blocks) {
                    super.submit(blocks);
                    over.forEach(LateWriter::writeAgain);
                    over.clear();
                }

                @Override
                public Quiescence finish(Deadline grace) {
                    if (plan.operation() == Operation.READ) {
                        over.add(plan);
                    }
                    return super.finish(grace);
                }
            };
        }

        private static void writeAgain(InitiatorPlan plan) {
            MemorySegment memory = plan.blocks().region(0).segment();
            if (memory.scope().isAlive()) {
                memory.set(ValueLayout.JAVA_BYTE, plan.blocks().offset(0), (byte) 0x66);
            }
        }
    }

    private static final class TakesNeighbours extends Forwarding.Backend {
        private static final Set<TransferObserver> RUNNING = ConcurrentHashMap.newKeySet();

        TakesNeighbours(TransferBackend sound) {
            super(sound);
        }

        @Override
        public InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline) {
            InitiatorTransfer sound = super.prepare(plan, descriptor, deadline);
            RUNNING.add(plan.observer());
            return new Forwarding.Initiator(sound) {
                @Override
                public Quiescence finish(Deadline grace) {
                    RUNNING.remove(plan.observer());
                    if (status().blocksDone() < status().blocksTotal()) {
                        RUNNING.forEach(BrokenBackends::fail);
                    }
                    return super.finish(grace);
                }
            };
        }
    }

    private static void fail(TransferObserver observer) {
        observer.failed(TransferError.of(TransferErrorCode.PEER_LOST, Stage.TRANSFER, "the connection broke"));
    }

    private static final class CrashesAtGoodbye extends Forwarding.Backend {
        private static final Map<Object, TransferObserver> RUNNING = new ConcurrentHashMap<>();

        CrashesAtGoodbye(TransferBackend sound) {
            super(sound);
        }

        @Override
        public InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline) {
            InitiatorTransfer sound = super.prepare(plan, descriptor, deadline);
            RUNNING.put(plan.id(), plan.observer());
            return new Forwarding.Initiator(sound) {
                @Override
                public Quiescence finish(Deadline grace) {
                    RUNNING.remove(plan.id());
                    return super.finish(grace);
                }
            };
        }

        @Override
        public CloseReport close(Deadline deadline) {
            RUNNING.values().forEach(BrokenBackends::fail);
            return super.close(deadline);
        }
    }

    private static final class BlindTarget extends Forwarding.Backend {
        BlindTarget(TransferBackend sound) {
            super(sound);
        }

        @Override
        public TargetTransfer accept(TargetPlan plan, Proposal proposal, Deadline deadline) {
            TransferObserver engine = plan.observer();
            TransferObserver deaf = new TransferObserver() {
                @Override
                public void applied(BlockRange blocks) {
                    // not told
                }

                @Override
                public void failed(TransferError error) {
                    engine.failed(error);
                }

                @Override
                public void quiesced() {
                    engine.quiesced();
                }
            };
            return super.accept(
                    new TargetPlan(
                            plan.id(),
                            plan.attempt(),
                            plan.epoch(),
                            plan.operation(),
                            plan.self(),
                            plan.peer(),
                            plan.blocks(),
                            plan.handles(),
                            plan.deadline(),
                            deaf,
                            plan.channel()),
                    proposal,
                    deadline);
        }
    }

    private static final class HeldTarget extends Forwarding.Backend {
        HeldTarget(TransferBackend sound) {
            super(sound);
        }

        @Override
        public TargetTransfer accept(TargetPlan plan, Proposal proposal, Deadline deadline) {
            return new Forwarding.Target(super.accept(plan, proposal, deadline)) {
                @Override
                public Quiescence finish(Deadline grace) {
                    super.finish(grace);
                    return status().blocksDone() == 0 ? Quiescence.QUARANTINED : Quiescence.QUIESCENT;
                }
            };
        }
    }

    private static final class NoFence extends Forwarding.Backend {
        NoFence(TransferBackend sound) {
            super(sound);
        }

        @Override
        public void reset(ResetScope scope, Deadline deadline) {
            throw new TransferException(TransferErrorCode.DEADLINE_EXCEEDED, Stage.FINISH, "no fence");
        }
    }
}
