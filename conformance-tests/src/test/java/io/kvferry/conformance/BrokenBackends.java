package io.kvferry.conformance;

import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendInfo;
import io.kvferry.spi.BackendLimits;
import io.kvferry.spi.Capability;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.UnaryOperator;

/** Backends that say or do something wrong outside a transfer, or refuse one. The engine above them is sound. */
final class BrokenBackends {
    private static final Duration SLOW = Duration.ofSeconds(1);

    private BrokenBackends() {}

    static List<Breakage> all() {
        return List.of(
                Breakage.of("it is not in META-INF/services", withProvider(Unlisted::new), "R10.1")
                        .broad(),
                Breakage.of("its probe changes its mind", withProvider(Moody::new), "R10.2"),
                Breakage.of("one of its keys is somebody else's", withProvider(ForeignKey::new), "R12.2")
                        .broad(),
                Breakage.of("it does not say how it moves bytes", info(BrokenBackends::nameless), "R10.11")
                        .broad(),
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
                Breakage.of("its close takes as long as it likes", SlowClose::new, "R20.4", "R20.5")
                        .broad(),
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

    private static InitiatorTransfer refused(String detail) {
        throw new TransferException(TransferErrorCode.UNSUPPORTED, Stage.PREPARE, detail);
    }

    private static UnaryOperator<TransferBackend> refusing(Operation operation) {
        return BrokenTransfers.initiator(
                (plan, sound) -> plan.operation() == operation ? refused(operation + " after all is not") : sound);
    }

    private static UnaryOperator<TransferBackend> refusingChecksums() {
        return backend -> info(info -> declaring(info, Capability.CHECKSUM))
                .apply(BrokenTransfers.initiator((plan, sound) ->
                                plan.checksum() == ChecksumMode.ON ? refused("no checksum after all") : sound)
                        .apply(backend));
    }

    private static UnaryOperator<TransferBackend> refusingRetries() {
        return BrokenTransfers.initiator((plan, sound) -> plan.attempt() > 1 ? refused("tried that before") : sound);
    }

    private static UnaryOperator<TransferBackend> refusingSubsets() {
        return BrokenTransfers.initiator((plan, sound) ->
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

    private static final class NoFence extends Forwarding.Backend {
        NoFence(TransferBackend sound) {
            super(sound);
        }

        @Override
        public void reset(ResetScope scope, Deadline deadline) {
            throw new TransferException(TransferErrorCode.TRANSFER_FAILED, Stage.FINISH, "no fence");
        }
    }
}
