package io.kvferry.benchmarks;

import io.kvferry.backend.nccl.adapter.CommState;
import io.kvferry.backend.nccl.adapter.JavaCppLibrary;
import io.kvferry.conformance.FakeNetwork;
import io.kvferry.engine.KvFerryConfig;
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
import java.nio.file.Path;
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
 * What the NCCL backend costs per transfer beside the bytes: the real binding on emulated libraries that move nothing.
 *
 * <p>Run with {@code -prof gc} for the bytes allocated. Threads: JMH's one, which stands for the device thread where the
 * adapter is measured alone.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class NcclOverhead {
    private static final int BLOCK = 4096;

    /** Blocks per transfer; up to 512 are one part. */
    @Param({"1", "64", "512"})
    public int blocks;

    /** Where {@code backend-nccl/src/test/c/build.sh} has put its libraries. */
    @Param("target/nccl-emulator")
    public String emulator;

    private TransferEngine initiator;
    private TransferEngine target;
    private TransferRequest same;
    private int attempt;

    private final JavaCppLibrary library = new JavaCppLibrary();
    private long from;
    private long to;
    private long communicator;
    private long stream;
    private long event;

    /** JMH makes it, then calls {@link #open}. */
    @SuppressWarnings("NullAway.Init") // open fills the fields
    public NcclOverhead() {}

    /** Opens two engines with a lease that serves every transfer, and a communicator of one rank. */
    @Setup(Level.Trial)
    public void open() {
        NcclEmulator libraries = NcclEmulator.moveNothing(Path.of(emulator));
        FakeNetwork network = FakeNetwork.direct();
        initiator = engine(libraries, network.provider(), "initiator");
        target = engine(libraries, network.provider(), "target");
        Memory source = initiator.allocate(0, (long) BLOCK * blocks);
        Memory destination = target.allocate(0, (long) BLOCK * blocks);
        BlockList remote = BlockList.uniform(destination.region(), 0, 0, BLOCK, blocks);
        LeaseRequest standing =
                LeaseRequest.writable(TransferId.random(), remote).asStanding();
        same = TransferRequest.write(
                target.offer(standing, Deadline.after(1, TimeUnit.HOURS)).id(),
                target.address(),
                BlockList.uniform(source.region(), 0, 0, BLOCK, blocks));
        library.cuda().use(0);
        from = source.region().address();
        to = destination.region().address();
        stream = library.cuda().createStream();
        event = library.cuda().createEvent();
        communicator = library.nccl().connect(library.nccl().newUniqueId(), 1, 0, 0);
        awaitReady();
    }

    private static TransferEngine engine(NcclEmulator libraries, PeerControlProvider peerControl, String node) {
        KvFerryConfig.Builder config = libraries.configure(KvFerryConfig.builder());
        return TransferEngine.builder()
                .config(config.provider(peerControl)
                        .set("kvferry.peer-control", peerControl.name())
                        .set("kvferry.node-id", node)
                        .build())
                .open();
    }

    private void awaitReady() {
        CommState state = library.nccl().state(communicator);
        while (state != CommState.READY) {
            if (state == CommState.FAILED) {
                throw new IllegalStateException(library.nccl().lastError(communicator));
            }
            Thread.onSpinWait();
            state = library.nccl().state(communicator);
        }
    }

    /** Closes all of it. */
    @TearDown(Level.Trial)
    public void close() {
        library.nccl().abort(communicator);
        library.cuda().destroyEvent(event);
        library.cuda().destroyStream(stream);
        initiator.close();
        target.close();
    }

    /**
     * One transfer against a lease that stands: both engines, both backends, the agreement on each part, the binding.
     *
     * @return the outcome
     */
    @Benchmark
    public TransferResult transferOnStandingLease() {
        Deadline deadline = Deadline.after(10, TimeUnit.SECONDS);
        try (Transfer transfer = initiator.prepare(same.attempt(++attempt), deadline)) {
            transfer.submit();
            return transfer.await(deadline);
        }
    }

    /** The adapter's share of one side: a group of as many blocks, its event, and looks until that has happened. */
    @Benchmark
    public void adapterAlone() {
        library.nccl().beginGroup();
        for (int i = 0; i < blocks; i++) {
            long offset = (long) i * BLOCK;
            library.nccl().send(communicator, from + offset, BLOCK, 0, stream);
            library.nccl().receive(communicator, to + offset, BLOCK, 0, stream);
        }
        library.nccl().endGroup();
        awaitReady();
        library.cuda().record(event, stream);
        while (!library.cuda().hasHappened(event)) {
            Thread.onSpinWait();
        }
    }
}
