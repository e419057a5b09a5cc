package io.kvferry.backend.tcp;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferId;
import io.netty.util.concurrent.EventExecutor;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** A backend with its process' identity, and the plans that an engine would make for it. */
final class TestNode implements AutoCloseable {
    private static final AtomicInteger COUNT = new AtomicInteger();
    private static final AtomicLong EPOCHS = new AtomicLong();

    final PeerIdentity self;
    final TestClock clock;
    final TcpBackend backend;

    TestNode(TcpTransport transport, BackendConfig config, TestClock clock) {
        this.clock = clock;
        this.self = new PeerIdentity("node-" + COUNT.incrementAndGet(), COUNT.get());
        BackendEnvironment environment = new BackendEnvironment(self, clock, clock, "127.0.0.1", "127.0.0.1");
        this.backend = TcpBackend.open(transport, TcpBackendConfig.from(config, environment), environment, deadline());
    }

    Deadline deadline() {
        return Deadline.after(Duration.ofSeconds(20), clock);
    }

    List<MemoryHandle> handles(BlockList blocks) {
        return blocks.regions().stream().map(region -> register(region)).toList();
    }

    private MemoryHandle register(MemoryRegion region) {
        return backend.register(region, deadline());
    }

    boolean isOpen() {
        return !backend.eventLoops().isShuttingDown();
    }

    /** Waits until the event loops have run every task that was queued before. */
    void awaitEventLoops() throws InterruptedException {
        for (EventExecutor loop : backend.eventLoops()) {
            loop.submit(() -> {}).sync();
        }
    }

    @Override
    public void close() {
        backend.close(Deadline.after(Duration.ofSeconds(20), clock));
    }

    /** One transfer between two nodes, accepted and prepared. */
    static final class Pair {
        final TransferId id = TransferId.random();
        final TestNode initiatorNode;
        final TestNode targetNode;
        final RecordingObserver initiatorObserver;
        final RecordingObserver targetObserver;
        final InitiatorPlan initiatorPlan;
        final TargetTransfer target;
        InitiatorTransfer initiator;

        Pair(
                TestNode initiator,
                TestNode target,
                Operation operation,
                BlockList local,
                BlockList leased,
                ChecksumMode mode) {
            initiatorNode = initiator;
            targetNode = target;
            initiatorObserver = new RecordingObserver(local.size());
            targetObserver = new RecordingObserver(leased.size());
            initiatorPlan = new InitiatorPlan(
                    id,
                    1,
                    operation,
                    initiator.self,
                    target.self,
                    target.backend.endpoint(),
                    local,
                    initiator.handles(local),
                    mode,
                    initiator.deadline(),
                    initiatorObserver,
                    null);
            TargetPlan targetPlan = new TargetPlan(
                    id,
                    1,
                    EPOCHS.incrementAndGet(),
                    operation,
                    target.self,
                    initiator.self,
                    leased,
                    target.handles(leased),
                    target.deadline(),
                    targetObserver,
                    null);
            this.target =
                    target.backend.accept(targetPlan, initiator.backend.propose(initiatorPlan), target.deadline());
        }

        Pair prepare() {
            initiator = initiatorNode.backend.prepare(initiatorPlan, target.descriptor(), initiatorNode.deadline());
            return this;
        }

        Quiescence finishInitiator() {
            return initiator.finish(initiatorNode.deadline());
        }

        Quiescence finishTarget() {
            return target.finish(targetNode.deadline());
        }
    }
}
