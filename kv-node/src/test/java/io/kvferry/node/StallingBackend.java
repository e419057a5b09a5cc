package io.kvferry.node;

import io.kvferry.backend.inprocess.InProcessBackendProvider;
import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.BackendInfo;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferStatus;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;

/** The in-process backend, some of whose transfers never move what is submitted after their first blocks. */
final class StallingBackend implements TransferBackendProvider {
    private final TransferBackendProvider real = new InProcessBackendProvider();
    private final AtomicInteger stalls = new AtomicInteger();
    private volatile int blocksBeforeStall;
    private volatile Stalled stalled;

    /** The next transfer moves so many blocks and no more. */
    void stallNext(int afterBlocks) {
        blocksBeforeStall = afterBlocks;
        stalled = null;
        stalls.set(1);
    }

    /** Whether that transfer was submitted and has moved all that it will move. */
    boolean standsStill() {
        Stalled transfer = stalled;
        return transfer != null && transfer.status().blocksDone() >= blocksBeforeStall;
    }

    @Override
    public String name() {
        return real.name();
    }

    @Override
    public Set<ConfigKey<?>> configKeys() {
        return real.configKeys();
    }

    @Override
    public Availability probe(BackendConfig config) {
        return real.probe(config);
    }

    @Override
    public TransferBackend open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
        return new Opened(real.open(config, environment, deadline));
    }

    private final class Opened implements TransferBackend {
        private final TransferBackend backend;

        Opened(TransferBackend backend) {
            this.backend = backend;
        }

        @Override
        public BackendInfo info() {
            return backend.info();
        }

        @Override
        public BackendEndpoint endpoint() {
            return backend.endpoint();
        }

        @Override
        public MemoryHandle register(MemoryRegion region, Deadline deadline) {
            return backend.register(region, deadline);
        }

        @Override
        public Proposal propose(InitiatorPlan plan) {
            return backend.propose(plan);
        }

        @Override
        public TargetTransfer accept(TargetPlan plan, Proposal proposal, Deadline deadline) {
            return backend.accept(plan, proposal, deadline);
        }

        @Override
        public InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline) {
            InitiatorTransfer transfer = backend.prepare(plan, descriptor, deadline);
            return stalls.getAndUpdate(left -> Math.max(0, left - 1)) > 0 ? new Stalled(transfer) : transfer;
        }

        @Override
        public void reset(ResetScope scope, Deadline deadline) {
            backend.reset(scope, deadline);
        }

        @Override
        public CloseReport close(Deadline deadline) {
            return backend.close(deadline);
        }
    }

    private final class Stalled implements InitiatorTransfer {
        private final InitiatorTransfer transfer;

        Stalled(InitiatorTransfer transfer) {
            this.transfer = transfer;
        }

        @Override
        public void submit(BlockRange blocks) {
            if (blocksBeforeStall > 0) {
                transfer.submit(new BlockRange(blocks.first(), blocksBeforeStall));
            }
            stalled = this;
        }

        @Override
        public TransferStatus status() {
            return transfer.status();
        }

        @Override
        public Quiescence finish(Deadline grace) {
            return transfer.finish(grace);
        }
    }
}
