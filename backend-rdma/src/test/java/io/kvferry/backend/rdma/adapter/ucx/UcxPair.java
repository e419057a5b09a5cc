package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.backend.rdma.adapter.RdmaAdapter;
import io.kvferry.backend.rdma.adapter.RdmaBatch;
import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.backend.rdma.adapter.RdmaEvents;
import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.backend.rdma.adapter.RdmaRemoteKey;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** Two adapters in one process, each with some memory, driven by one thread in turns. */
final class UcxPair implements AutoCloseable {
    static final int BYTES = 8 << 20;
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    final Side initiator;
    final Side target;
    private final Arena arena = Arena.ofShared();

    /** @param ticker the clock of both adapters; waits here take the machine's */
    UcxPair(BackendConfig config, Ticker ticker) {
        this.initiator = new Side(config, ticker, arena);
        this.target = new Side(config, ticker, arena);
    }

    /** One adapter with registered memory. */
    static final class Side {
        final RdmaAdapter adapter;
        final MemorySegment bytes;
        final RdmaMemory memory;

        private Side(BackendConfig config, Ticker ticker, Arena arena) {
            Scheduler none = (when, task) -> {
                throw new IllegalStateException("nothing is scheduled here");
            };
            BackendEnvironment environment =
                    new BackendEnvironment(new PeerIdentity("pair", 1), ticker, none, "127.0.0.1", "127.0.0.1");
            this.adapter = new UcxAdapterProvider().open(config, environment, Deadline.after(PATIENCE));
            this.bytes = arena.allocate(BYTES, 4096);
            this.memory = adapter.register(MemoryRegion.host(bytes), Deadline.after(PATIENCE));
        }
    }

    /** One half of a connection, and what was heard of it. */
    static final class Half implements RdmaEvents {
        final List<byte[]> messages = new ArrayList<>();
        final List<RdmaBatch> applied = new ArrayList<>();
        boolean connected;
        boolean closed;

        @Nullable
        TransferErrorCode failure;

        String detail = "";
        RdmaConnection connection;

        @Override
        public void connected() {
            connected = true;
        }

        @Override
        public void applied(RdmaBatch batch) {
            applied.add(batch);
        }

        @Override
        public void received(byte[] message) {
            messages.add(message);
        }

        @Override
        public void failed(TransferErrorCode code, String text) {
            failure = code;
            detail = text;
            connection.close(); // as its owner has to
        }

        @Override
        public void closed() {
            closed = true;
        }
    }

    /** A connection of which neither half has begun anything. */
    record Halves(Half initiator, Half target) {
        void establish() {
            initiator.connection.establish(target.connection.hello());
        }

        boolean areClosed() {
            return initiator.closed && target.closed;
        }
    }

    Halves open() {
        Half from = new Half();
        Half to = new Half();
        from.connection = initiator.adapter.connect(target.adapter.address(), from);
        to.connection = target.adapter.accept(from.connection.hello(), to);
        return new Halves(from, to);
    }

    /** A turn of both. */
    void turn() {
        initiator.adapter.progress();
        target.adapter.progress();
    }

    void drive(String what, BooleanSupplier condition) {
        Deadline deadline = Deadline.after(PATIENCE);
        while (!condition.getAsBoolean()) {
            turn();
            if (deadline.isExpired()) {
                throw new AssertionError("did not happen: " + what);
            }
        }
    }

    /** Posts all bytes, one way or the other. */
    RdmaBatch post(Halves halves, Operation operation) {
        RdmaRemoteKey key = halves.initiator.connection.importKey(
                target.memory.grant(0, BYTES, operation).key());
        RdmaBatch batch = new Whole(operation, initiator.memory, key, target.bytes.address());
        halves.initiator.connection.post(batch);
        return batch;
    }

    /** Connects, writes everything and reads it back; fails unless both sides hold the same bytes in between. */
    void assertMoves() {
        Halves halves = open();
        halves.establish();
        drive("the connection", () -> halves.initiator.connected);
        halves.initiator.connection.send(new byte[] {1});
        drive("the first message", () -> halves.target.messages.size() == 1);
        for (Operation operation : Operation.values()) {
            initiator.bytes.fill((byte) 17);
            target.bytes.fill((byte) 71);
            RdmaBatch batch = post(halves, operation);
            drive(operation + " of everything", () -> halves.initiator.applied.contains(batch));
            byte expected = (byte) (operation == Operation.WRITE ? 17 : 71);
            for (Side side : List.of(initiator, target)) {
                if (side.bytes.get(ValueLayout.JAVA_BYTE, BYTES - 1) != expected
                        || side.bytes.mismatch(target.bytes) >= 0) {
                    throw new AssertionError("wrong bytes after " + operation);
                }
            }
        }
        halves.initiator.connection.close();
        halves.target.connection.close();
        drive("the close", halves::areClosed);
    }

    /** All bytes of both memories. */
    private record Whole(Operation operation, RdmaMemory memory, RdmaRemoteKey key, long remoteAddress)
            implements RdmaBatch {
        @Override
        public int size() {
            return 1;
        }

        @Override
        public RdmaMemory local(int index) {
            return memory;
        }

        @Override
        public long localAddress(int index) {
            return memory.region().address();
        }

        @Override
        public RdmaRemoteKey remote(int index) {
            return key;
        }

        @Override
        public long remoteAddress(int index) {
            return remoteAddress;
        }

        @Override
        public long length(int index) {
            return BYTES;
        }
    }

    @Override
    public void close() {
        for (Side side : List.of(initiator, target)) {
            side.memory.deregister(Deadline.after(PATIENCE));
            side.adapter.close();
        }
        arena.close();
    }
}
