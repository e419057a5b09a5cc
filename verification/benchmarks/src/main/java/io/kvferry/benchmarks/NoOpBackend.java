package io.kvferry.benchmarks;

import io.kvferry.spi.AbortScope;
import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.BackendInfo;
import io.kvferry.spi.BackendLimits;
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
import io.kvferry.spi.Proposal;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import io.kvferry.spi.WireId;
import java.util.Set;

/** A backend that moves nothing: every block is applied as soon as it is submitted. What is left is the engine's own cost. */
final class NoOpBackend implements TransferBackend {
    static final WireId WIRE = new WireId("no-op", 1);

    private static final BackendInfo INFO = new BackendInfo(
            "no-op",
            WIRE,
            Set.of(
                    Capability.READ,
                    Capability.WRITE,
                    Capability.HOST_MEMORY,
                    Capability.REVOKE,
                    Capability.TARGET_PROGRESS),
            Isolation.LEASE,
            AbortScope.TRANSFER,
            BackendLimits.NONE,
            "moves nothing");

    @Override
    public BackendInfo info() {
        return INFO;
    }

    @Override
    public BackendEndpoint endpoint() {
        return BackendEndpoint.EMPTY;
    }

    @Override
    public MemoryHandle register(MemoryRegion region, Deadline deadline) {
        return new Handle(region);
    }

    @Override
    public Proposal propose(InitiatorPlan plan) {
        return Proposal.EMPTY;
    }

    @Override
    public TargetTransfer accept(TargetPlan plan, Proposal proposal, Deadline deadline) {
        return new Target(plan);
    }

    @Override
    public InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline) {
        return new Initiator(plan);
    }

    @Override
    public void reset(ResetScope scope, Deadline deadline) {
        // nothing is ever in flight
    }

    @Override
    public CloseReport close(Deadline deadline) {
        return CloseReport.CLEAN;
    }

    private record Handle(MemoryRegion region) implements MemoryHandle {
        @Override
        public void deregister(Deadline deadline) {
            // nothing is registered
        }
    }

    private static final class Initiator implements InitiatorTransfer {
        private final InitiatorPlan plan;
        private volatile int blocksDone;

        Initiator(InitiatorPlan plan) {
            this.plan = plan;
        }

        @Override
        public void submit(BlockRange blocks) {
            blocksDone = blocks.count();
            plan.observer().applied(blocks);
        }

        @Override
        public TransferStatus status() {
            long bytes = blocksDone == 0 ? 0 : plan.blocks().totalBytes();
            return new TransferStatus(
                    TransferState.IN_FLIGHT,
                    bytes,
                    plan.blocks().totalBytes(),
                    blocksDone,
                    plan.blocks().size(),
                    null);
        }

        @Override
        public Quiescence finish(Deadline grace) {
            return Quiescence.QUIESCENT;
        }
    }

    private record Target(TargetPlan plan) implements TargetTransfer {
        @Override
        public Descriptor descriptor() {
            return Descriptor.EMPTY;
        }

        @Override
        public TransferStatus status() {
            return new TransferStatus(
                    TransferState.IN_FLIGHT,
                    plan.blocks().totalBytes(),
                    plan.blocks().totalBytes(),
                    plan.blocks().size(),
                    plan.blocks().size(),
                    null);
        }

        @Override
        public void seal() {
            // nothing can begin
        }

        @Override
        public Quiescence finish(Deadline grace) {
            return Quiescence.QUIESCENT;
        }
    }

    /** Makes it. */
    static final class Provider implements TransferBackendProvider {
        @Override
        public String name() {
            return "no-op";
        }

        @Override
        public Set<ConfigKey<?>> configKeys() {
            return Set.of();
        }

        @Override
        public Availability probe(BackendConfig config) {
            return new Availability.Available("moves nothing");
        }

        @Override
        public TransferBackend open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
            return new NoOpBackend();
        }
    }
}
