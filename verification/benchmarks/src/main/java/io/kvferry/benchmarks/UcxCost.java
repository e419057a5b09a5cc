package io.kvferry.benchmarks;

import io.kvferry.backend.rdma.adapter.RdmaAdapter;
import io.kvferry.backend.rdma.adapter.RdmaBatch;
import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.backend.rdma.adapter.RdmaEvents;
import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.backend.rdma.adapter.RdmaRemoteKey;
import io.kvferry.backend.rdma.adapter.ucx.UcxAdapterProvider;
import io.kvferry.backend.rdma.adapter.ucx.UcxConfigKeys;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import java.lang.foreign.Arena;
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
 * What one batch costs over the UCX adapter by shared memory, from post to applied: puts and their flush, in the thread that
 * drives the adapter. The target is in this process, and its memory is walked through as the C program does; it has no part
 * in the puts.
 *
 * <p>Run with {@code -prof gc} for the bytes allocated per batch. Threads: one.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class UcxCost {
    private static final long REGION = 256L << 20;

    /** Bytes of a put. */
    @Param({"64", "65536"})
    public int bytes;

    /** Puts of a batch. */
    @Param({"1", "64"})
    public int puts;

    private final Arena arena = Arena.ofShared();
    private RdmaAdapter initiator;
    private RdmaAdapter target;
    private Half from;
    private Half to;
    private Puts batch;

    /** JMH makes it, then calls {@link #open}. */
    @SuppressWarnings("NullAway.Init") // open fills the fields
    public UcxCost() {}

    /** Opens two adapters and connects them. */
    @Setup(Level.Trial)
    public void open() {
        initiator = adapter();
        target = adapter();
        RdmaMemory source = initiator.register(MemoryRegion.host(arena.allocate(REGION, 4096)), soon());
        RdmaMemory destination = target.register(MemoryRegion.host(arena.allocate(REGION, 4096)), soon());
        from = new Half();
        to = new Half();
        from.connection = initiator.connect(target.address(), from);
        to.connection = target.accept(from.connection.hello(), to);
        from.connection.establish(to.connection.hello());
        while (!from.connected) {
            turn();
        }
        RdmaRemoteKey key = from.connection.importKey(
                destination.grant(0, REGION, Operation.WRITE).key());
        batch = new Puts(source, key, destination.region().address(), puts, bytes);
    }

    private static RdmaAdapter adapter() {
        BackendConfig config = BackendConfig.DEFAULTS
                .with(UcxConfigKeys.TRANSPORTS, "posix,cma")
                .with(UcxConfigKeys.PEER_ERRORS, false);
        BackendEnvironment environment = new BackendEnvironment(
                new PeerIdentity("bench", 1),
                Ticker.system(),
                (when, task) -> {
                    throw new IllegalStateException("nothing is scheduled here");
                },
                "127.0.0.1",
                "127.0.0.1");
        return new UcxAdapterProvider().open(config, environment, soon());
    }

    private static Deadline soon() {
        return Deadline.after(10, TimeUnit.SECONDS);
    }

    private void turn() {
        boolean ignored = initiator.progress();
        boolean too = target.progress();
    }

    /** Closes the connection; the process's end frees the rest. */
    @TearDown(Level.Trial)
    public void close() {
        from.connection.close();
        to.connection.close();
        while (!from.closed || !to.closed) {
            turn();
        }
    }

    /**
     * One batch, from post to applied.
     *
     * @return how many were applied so far
     */
    @Benchmark
    public long putAndFlush() {
        long before = from.applied;
        boolean ignored = from.connection.post(batch);
        while (from.applied == before) {
            boolean worked = initiator.progress();
        }
        batch.walk();
        return from.applied;
    }

    private static final class Puts implements RdmaBatch {
        private final RdmaMemory memory;
        private final RdmaRemoteKey key;
        private final long remoteBase;
        private final int size;
        private final int bytes;
        private long at;

        private Puts(RdmaMemory memory, RdmaRemoteKey key, long remoteBase, int size, int bytes) {
            this.memory = memory;
            this.key = key;
            this.remoteBase = remoteBase;
            this.size = size;
            this.bytes = bytes;
        }

        private void walk() {
            at = (at + (long) size * bytes) % REGION;
        }

        @Override
        public Operation operation() {
            return Operation.WRITE;
        }

        @Override
        public int size() {
            return size;
        }

        @Override
        public RdmaMemory local(int index) {
            return memory;
        }

        @Override
        public long localAddress(int index) {
            return memory.region().address() + at + (long) index * bytes;
        }

        @Override
        public RdmaRemoteKey remote(int index) {
            return key;
        }

        @Override
        public long remoteAddress(int index) {
            return remoteBase + at + (long) index * bytes;
        }

        @Override
        public long length(int index) {
            return bytes;
        }
    }

    @SuppressWarnings("NullAway.Init") // the connection is made with it
    private static final class Half implements RdmaEvents {
        private RdmaConnection connection;
        private boolean connected;
        private boolean closed;
        private long applied;

        @Override
        public void connected() {
            connected = true;
        }

        @Override
        public void applied(RdmaBatch done) {
            applied++;
        }

        @Override
        public void received(byte[] message) {
            // none is sent
        }

        @Override
        public void failed(TransferErrorCode code, String detail) {
            connection.close(); // the other half has closed first
        }

        @Override
        public void closed() {
            closed = true;
        }
    }
}
