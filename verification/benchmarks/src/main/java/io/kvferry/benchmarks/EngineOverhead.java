package io.kvferry.benchmarks;

import io.kvferry.conformance.FakeNetwork;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.engine.Lease;
import io.kvferry.engine.LeaseRequest;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferEngine;
import io.kvferry.engine.TransferRequest;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerControlProvider;
import io.kvferry.spi.TransferId;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What the engine costs per transfer, without I/O: prepare, submit, await and finish over a backend that moves nothing and
 * peer control that calls the target's engine directly.
 *
 * <p>Run with {@code -prof gc} for the bytes allocated per transfer. Threads: one.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class EngineOverhead {
    /** Blocks per transfer. */
    @Param({"1", "64", "10000"})
    public int blocks;

    private TransferEngine initiator;
    private TransferEngine alone;
    private TransferEngine target;
    private BlockList local;
    private BlockList remote;
    private Lease standing;
    private TransferRequest same;
    private int attempt;

    /** JMH makes it, then calls {@link #open}. */
    @SuppressWarnings("NullAway.Init") // open fills the fields
    public EngineOverhead() {}

    /** Opens two engines and offers a lease that serves every transfer. */
    @Setup(Level.Trial)
    public void open() {
        FakeNetwork network = FakeNetwork.direct();
        initiator = engine(network.provider(), "initiator");
        alone = engine(new CannedPeer(network.provider()), "initiator-alone");
        target = engine(network.provider(), "target");
        Memory from = initiator.allocate(16L * blocks);
        alone.register(from.region());
        Memory to = target.allocate(16L * blocks);
        local = BlockList.uniform(from.region(), 0, 0, 16, blocks);
        remote = BlockList.uniform(to.region(), 0, 0, 16, blocks);
        standing = target.offer(
                LeaseRequest.writable(TransferId.random(), remote).asStanding(), Deadline.after(1, TimeUnit.HOURS));
        same = TransferRequest.write(standing.id(), target.address(), local);
    }

    private static TransferEngine engine(PeerControlProvider peerControl, String node) {
        return TransferEngine.builder()
                .config(KvFerryConfig.builder()
                        .provider(peerControl)
                        .provider(new NoOpBackend.Provider())
                        .set("kvferry.backend", "no-op")
                        .set("kvferry.peer-control", peerControl.name())
                        .set("kvferry.node-id", node)
                        .build())
                .open();
    }

    /** Closes both. */
    @TearDown(Level.Trial)
    public void close() {
        alone.close();
        initiator.close();
        target.close();
    }

    /**
     * One transfer against a lease that stands, the target's engine included.
     *
     * @return the outcome
     */
    @Benchmark
    public TransferResult transferOnStandingLease() {
        return transfer(initiator, same.attempt(++attempt));
    }

    /**
     * One transfer of an initiator whose target answers at once and costs nothing.
     *
     * @return the outcome
     */
    @Benchmark
    public TransferResult initiatorAlone() {
        return transfer(alone, same);
    }

    private static TransferResult transfer(TransferEngine engine, TransferRequest request) {
        Deadline deadline = Deadline.after(10, TimeUnit.SECONDS);
        try (Transfer transfer = engine.prepare(request, deadline)) {
            transfer.submit();
            return transfer.await(deadline);
        }
    }

    /**
     * One lease and its one transfer, both sides included.
     *
     * @return the outcome
     */
    @Benchmark
    public TransferResult leaseAndTransfer() {
        TransferId id = TransferId.random();
        Deadline deadline = Deadline.after(10, TimeUnit.SECONDS);
        try (Lease _ = target.offer(LeaseRequest.writable(id, remote), deadline);
                Transfer transfer = initiator.prepare(TransferRequest.write(id, target.address(), local), deadline)) {
            transfer.submit();
            return transfer.await(deadline);
        }
    }
}
