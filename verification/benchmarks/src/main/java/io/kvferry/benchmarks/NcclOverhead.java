package io.kvferry.benchmarks;

import io.kvferry.backend.nccl.adapter.CommState;
import io.kvferry.backend.nccl.adapter.CudaAdapter;
import io.kvferry.backend.nccl.adapter.JavaCppLibrary;
import io.kvferry.backend.nccl.adapter.NcclAdapter;
import io.kvferry.conformance.FakeNetwork;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.engine.Lease;
import io.kvferry.engine.LeaseRequest;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferEngine;
import io.kvferry.engine.TransferRequest;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerControlProvider;
import io.kvferry.spi.TransferId;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
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
 * What a transfer over the NCCL backend costs by itself: on emulated libraries that move nothing, with peer control that calls the
 * target's engine directly. The binding and all threads of the backend are the real ones.
 *
 * <p>Run with {@code -prof gc} for the bytes allocated per transfer. Threads: one, beside those of the engines.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class NcclOverhead {
    private static final int BLOCK = 4096;

    /** Blocks per transfer. */
    @Param({"1", "64", "512"})
    public int blocks;

    /** Where {@code backend-nccl/src/test/c/build.sh} has put the emulated libraries. */
    @Param("backend-nccl/target/nccl-emulator")
    public String emulator;

    private TransferEngine initiator;
    private TransferEngine target;
    private TransferRequest same;
    private int attempt;

    private CudaAdapter cuda;
    private NcclAdapter nccl;
    private long communicator;
    private long stream;
    private long event;
    private long from;
    private long to;

    /** JMH makes it, then calls {@link #open}. */
    @SuppressWarnings("NullAway.Init") // open fills the fields
    public NcclOverhead() {}

    /** Opens two engines, offers a lease that serves every transfer, and connects a communicator of one rank beside them. */
    @Setup(Level.Trial)
    public void open() {
        if (!Files.exists(library("libnccl.so.2"))) {
            throw new IllegalStateException(
                    "no libnccl.so.2 in " + Path.of(emulator).toAbsolutePath()
                            + "; build it: bash backend-nccl/src/test/c/build.sh " + emulator);
        }
        FakeNetwork network = FakeNetwork.direct();
        initiator = engine(network.provider(), "initiator");
        target = engine(network.provider(), "target");
        moveNothing();
        long bytes = (long) BLOCK * blocks;
        Lease standing = target.offer(
                LeaseRequest.writable(TransferId.random(), blockList(target, bytes))
                        .asStanding(),
                Deadline.after(1, TimeUnit.HOURS));
        same = TransferRequest.write(standing.id(), target.address(), blockList(initiator, bytes));
        connectAlone(bytes);
    }

    private Path library(String name) {
        return Path.of(emulator, name).toAbsolutePath();
    }

    private TransferEngine engine(PeerControlProvider peerControl, String node) {
        return TransferEngine.builder()
                .config(KvFerryConfig.builder()
                        .provider(peerControl)
                        .set("kvferry.backend", "nccl")
                        .set(
                                "kvferry.nccl.cuda-library",
                                library("libcuda.so.1").toString())
                        .set(
                                "kvferry.nccl.cudart-library",
                                library("libcudart.so.13").toString())
                        .set(
                                "kvferry.nccl.nccl-library",
                                library("libnccl.so.2").toString())
                        .set("kvferry.nccl.cache-dir", library("cache").toString())
                        .set("kvferry.peer-control", peerControl.name())
                        .set("kvferry.node-id", node)
                        .build())
                .open();
    }

    private BlockList blockList(TransferEngine engine, long bytes) {
        return BlockList.uniform(engine.allocate(0, bytes).region(), 0, 0, BLOCK, blocks);
    }

    @SuppressWarnings("restricted") // the emulator's own switch
    private void moveNothing() {
        SymbolLookup symbols = SymbolLookup.libraryLookup(library("libcudart.so.13"), Arena.global());
        try {
            Linker.nativeLinker()
                    .downcallHandle(symbols.findOrThrow("emuNoOp"), FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT))
                    .invokeExact(1);
        } catch (Throwable e) {
            throw new IllegalStateException("emuNoOp", e);
        }
    }

    private void connectAlone(long bytes) {
        JavaCppLibrary libraries = new JavaCppLibrary();
        cuda = libraries.cuda();
        nccl = libraries.nccl();
        cuda.use(0);
        from = cuda.allocate(bytes);
        to = cuda.allocate(bytes);
        stream = cuda.createStream();
        event = cuda.createEvent();
        communicator = nccl.connect(nccl.newUniqueId(), 1, 0, 0);
        awaitReady();
    }

    private void awaitReady() {
        CommState state = nccl.state(communicator);
        while (state == CommState.IN_PROGRESS) {
            Thread.onSpinWait();
            state = nccl.state(communicator);
        }
        if (state == CommState.FAILED) {
            throw new IllegalStateException(nccl.lastError(communicator));
        }
    }

    /** Closes all. */
    @TearDown(Level.Trial)
    public void close() {
        nccl.abort(communicator);
        cuda.destroyEvent(event);
        cuda.destroyStream(stream);
        cuda.free(from);
        cuda.free(to);
        initiator.close();
        target.close();
    }

    /**
     * One transfer against a lease that stands: prepare, submit, await and finish, both engines and both device threads included.
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

    /**
     * The calls of CUDA and NCCL that one such transfer makes on one side, through the binding, on one thread: one group, its
     * state, its event. It sends and receives, so that it makes twice as many calls per block.
     *
     * @return whether the event has happened, which is true
     */
    @Benchmark
    public boolean adapterAlone() {
        nccl.beginGroup();
        for (int i = 0; i < blocks; i++) {
            nccl.send(communicator, from + (long) i * BLOCK, BLOCK, 0, stream);
            nccl.receive(communicator, to + (long) i * BLOCK, BLOCK, 0, stream);
        }
        nccl.endGroup();
        awaitReady();
        cuda.record(event, stream);
        while (!cuda.hasHappened(event)) {
            Thread.onSpinWait();
        }
        return true;
    }
}
