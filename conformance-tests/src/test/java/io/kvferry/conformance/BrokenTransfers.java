package io.kvferry.conformance;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferObserver;
import io.kvferry.spi.TransferStatus;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** Backends that do something wrong in the middle of a transfer. The engine above them is sound. */
final class BrokenTransfers {
    private BrokenTransfers() {}

    static List<Breakage> all() {
        return List.of(
                Breakage.of(
                        "its status does not come to the end",
                        initiator((plan, sound) -> new Lags(plan, sound)),
                        "R14.5"),
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
                        "it writes to its source", initiator((plan, sound) -> new WritesSource(plan, sound)), "R18.1"),
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
                Breakage.of(
                                "bytes that were under way land when somebody else's do",
                                LateWriter::new,
                                "R4.4",
                                "R4.9",
                                "R6.1",
                                "R6.5",
                                "R6.6")
                        .broad(),
                Breakage.of("a failure takes its neighbours with it", TakesNeighbours::new, "R14.6"),
                Breakage.of("a goodbye looks like a crash", CrashesAtGoodbye::new, "R8.2"),
                Breakage.of("its target does not say what has arrived", BlindTarget::new, "R10.9", "R15.7"),
                Breakage.of("its target cannot end its peer's access", HeldTarget::new, "R5.11")
                        .broad());
    }

    /** A flaw of the initiator's side. */
    static UnaryOperator<TransferBackend> initiator(
            BiFunction<InitiatorPlan, InitiatorTransfer, InitiatorTransfer> flaw) {
        return backend -> new Forwarding.Backend(backend) {
            @Override
            public InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline) {
                return flaw.apply(plan, super.prepare(plan, descriptor, deadline));
            }
        };
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
                        RUNNING.forEach(BrokenTransfers::fail);
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
            RUNNING.values().forEach(BrokenTransfers::fail);
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
}
