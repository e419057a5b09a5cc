package io.kvferry.lab;

import io.kvferry.backend.rdma.adapter.RdmaAdapter;
import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.backend.rdma.adapter.RdmaRemoteKey;
import io.kvferry.backend.rdma.adapter.verbs.VerbsAdapterProvider;
import io.kvferry.lab.Slices.Slice;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Ticker;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Locale;

/**
 * Moves the same block over and over between two adapters of this process and prints one number: MiB a second. To be put
 * beside what ib_write_bw and ib_read_bw print in the same guest.
 *
 * <pre>{@code java -cp rdma-lab.jar io.kvferry.lab.Bandwidth write 65536 400}</pre>
 */
public final class Bandwidth {
    /** As many requests in flight as perftest has. */
    private static final int WINDOW = 100;

    private static final int WARM_UP = 50;
    private static final double MIB = 1 << 20;
    private static final double NANOS_A_SECOND = 1e9;

    private Bandwidth() {}

    /**
     * Measures.
     *
     * @param arguments write or read, bytes of a block, how many blocks
     */
    public static void main(String... arguments) {
        Operation operation = Operation.valueOf(arguments[0].toUpperCase(Locale.ROOT));
        int bytes = Integer.parseInt(arguments[1]);
        int count = Integer.parseInt(arguments[2]);
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        try (Arena arena = Arena.ofShared()) {
            RdmaAdapter here = open();
            RdmaAdapter there = open();
            RdmaMemory local = here.register(MemoryRegion.host(arena.allocate(bytes, 4096)), soon());
            RdmaMemory remote = there.register(MemoryRegion.host(arena.allocate(bytes, 4096)), soon());
            Half initiator = new Half();
            initiator.of(here.connect(there.address(), initiator));
            Half target = new Half();
            target.of(there.accept(initiator.connection().hello(), target));
            initiator.connection().establish(target.connection().hello());
            while (!initiator.connected) {
                here.progress();
            }
            RdmaRemoteKey key = initiator
                    .connection()
                    .importKey(remote.grant(0, bytes, operation).key());
            Slices batch =
                    new Slices(operation, local, key, remote.region().address(), List.of(new Slice(0, 0, bytes)));
            move(here, initiator, batch, WARM_UP);
            long start = Ticker.system().nanos();
            move(here, initiator, batch, count);
            double seconds = (Ticker.system().nanos() - start) / NANOS_A_SECOND;
            out.printf("%.2f%n", bytes / MIB * count / seconds);
            close(here, initiator, local);
            close(there, target, remote);
        }
    }

    private static Deadline soon() {
        return Deadline.after(Duration.ofSeconds(10));
    }

    private static RdmaAdapter open() {
        Scheduler none = (when, task) -> {
            throw new IllegalStateException("nothing is scheduled here");
        };
        return new VerbsAdapterProvider()
                .open(
                        BackendConfig.DEFAULTS,
                        new BackendEnvironment(
                                new PeerIdentity("lab", 1), Ticker.system(), none, "127.0.0.1", "127.0.0.1"),
                        soon());
    }

    private static void move(RdmaAdapter here, Half initiator, Slices batch, int count) {
        int before = initiator.applied.size();
        int posted = 0;
        while (initiator.applied.size() - before < count) {
            int done = initiator.applied.size() - before;
            while (posted < count
                    && posted - done < WINDOW
                    && initiator.connection().post(batch)) {
                posted++;
            }
            if (!here.progress()) {
                here.await(1_000_000);
            }
            if (initiator.failure != null) {
                throw new IllegalStateException(initiator.detail);
            }
        }
    }

    private static void close(RdmaAdapter adapter, Half half, RdmaMemory memory) {
        half.connection().close();
        while (!half.closed) {
            adapter.progress();
        }
        memory.deregister(soon());
        adapter.close();
    }
}
