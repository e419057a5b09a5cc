package io.kvferry.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.backend.rdma.adapter.RdmaAdapter;
import io.kvferry.backend.rdma.adapter.RdmaAdapterProvider;
import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.backend.rdma.adapter.RdmaGrant;
import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.backend.rdma.adapter.RdmaRemoteKey;
import io.kvferry.backend.rdma.adapter.verbs.VerbsAdapterProvider;
import io.kvferry.conformance.Await;
import io.kvferry.conformance.FakeTicker;
import io.kvferry.lab.Slices.Slice;
import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Verbs by themselves: what a device answers to right and to wrong requests. */
final class VerbsAdapterTest {
    private static final int SIZE = 1 << 20;
    private static final String LEASE = "isolation=lease";
    private static final long NAP_NANOS = 5_000_000;

    private final RdmaAdapterProvider provider = new VerbsAdapterProvider();
    private final FakeTicker ticker = new FakeTicker();
    private final Arena arena = Arena.ofShared();
    private final List<RdmaAdapter> adapters = new ArrayList<>();
    private final List<RdmaMemory> memories = new ArrayList<>();
    private final List<Half> halves = new ArrayList<>();

    VerbsAdapterTest() {}

    @AfterEach
    void closeAll() {
        halves.forEach(half -> half.connection().close());
        for (Half half : halves) {
            until("the connection is closed", () -> half.closed);
        }
        memories.forEach(memory -> memory.deregister(soon()));
        adapters.forEach(RdmaAdapter::close);
        arena.close();
    }

    private static Deadline soon() {
        return Deadline.after(Duration.ofSeconds(1));
    }

    private BackendConfig config(String... settings) {
        return Settings.of(provider, List.of(settings));
    }

    private RdmaAdapter open(String... settings) {
        BackendEnvironment environment = new BackendEnvironment(
                new PeerIdentity("lab", 1), ticker, ticker.scheduler(), "127.0.0.1", "127.0.0.1");
        RdmaAdapter adapter = provider.open(config(settings), environment, soon());
        adapters.add(adapter);
        return adapter;
    }

    private RdmaMemory memory(RdmaAdapter adapter, int fill) {
        MemorySegment segment = arena.allocate(SIZE, 4096);
        segment.fill((byte) fill);
        RdmaMemory memory = adapter.register(MemoryRegion.host(segment), soon());
        memories.add(memory);
        return memory;
    }

    /** Drives both sides, as their owner threads would. */
    private void until(String what, BooleanSupplier condition) {
        Await.until(what, () -> {
            for (RdmaAdapter adapter : adapters) {
                if (!adapter.progress()) {
                    adapter.await(NAP_NANOS);
                }
            }
            return condition.getAsBoolean();
        });
    }

    private Half half() {
        Half half = new Half();
        halves.add(half);
        return half;
    }

    /** Connects two halves; the first is the initiator's. */
    private List<Half> connect(RdmaAdapter here, RdmaAdapter there) {
        Half initiator = half();
        initiator.of(here.connect(there.address(), initiator));
        Half target = half();
        target.of(there.accept(initiator.connection().hello(), target));
        initiator.connection().establish(target.connection().hello());
        until("connected", () -> initiator.connected || initiator.failure != null);
        assertThat(initiator.failure).as(initiator.detail).isNull();
        return List.of(initiator, target);
    }

    private void move(Half half, Slices batch) {
        assertThat(half.connection().post(batch)).isTrue();
        until("applied or failed", () -> half.applied.contains(batch) || half.failure != null);
    }

    private static MemorySegment slice(RdmaMemory memory, long offset, long bytes) {
        return memory.region().segment().asSlice(offset, bytes);
    }

    private static void assertSame(MemorySegment one, MemorySegment other) {
        assertThat(one.mismatch(other)).isEqualTo(-1);
    }

    private static void number(RdmaMemory memory) {
        for (int i = 0; i < SIZE / 8; i++) {
            memory.region().segment().setAtIndex(ValueLayout.JAVA_LONG, i, i * 0x9E3779B97F4A7C15L);
        }
    }

    /** The slices are next to one another at the peer, here, at both, or nowhere, so that they are merged in every way. */
    private static final List<Slice> SLICES = List.of(
            new Slice(0, 0, 100),
            new Slice(100, 100, 1),
            new Slice(4096, 101, 5000),
            new Slice(300_000, 5101, 7),
            new Slice(300_007, 200_000, 65_537),
            new Slice(900_001, 700_003, 99_999));

    @Test
    void slicesArriveBothWaysAndNothingElseChanges() {
        RdmaAdapter here = open();
        RdmaAdapter there = open();
        Half initiator = connect(here, there).getFirst();
        for (Operation operation : Operation.values()) {
            RdmaMemory local = memory(here, 0x11);
            RdmaMemory remote = memory(there, 0x22);
            number(operation == Operation.WRITE ? local : remote);
            RdmaMemory destination = operation == Operation.WRITE ? remote : local;
            MemorySegment expected =
                    arena.allocate(SIZE).copyFrom(destination.region().segment());
            for (Slice s : SLICES) {
                long from = operation == Operation.WRITE ? s.here() : s.there();
                long to = operation == Operation.WRITE ? s.there() : s.here();
                MemorySegment source = operation == Operation.WRITE
                        ? local.region().segment()
                        : remote.region().segment();
                MemorySegment.copy(source, from, expected, to, s.bytes());
            }
            RdmaGrant grant = remote.grant(0, SIZE, operation);
            RdmaRemoteKey key = initiator.connection().importKey(grant.key());
            move(initiator, new Slices(operation, local, key, remote.region().address(), SLICES));
            assertThat(initiator.failure).as(initiator.detail).isNull();
            assertSame(destination.region().segment(), expected);
            key.release();
            grant.revoke();
        }
    }

    @Test
    void messagesArriveInOrderInBothDirections() {
        List<Half> pair = connect(open(), open());
        for (int i = 0; i < 40; i++) {
            byte[] message = new byte[1 + i];
            message[0] = (byte) i;
            for (Half half : pair) {
                until("there is room for a message", () -> half.connection().send(message));
            }
        }
        for (Half half : pair) {
            until("all messages arrive", () -> half.messages.size() == 40);
            for (int i = 0; i < 40; i++) {
                assertThat(half.messages.get(i)).hasSize(1 + i).startsWith(i);
            }
        }
    }

    @Test
    void aFullQueueSaysSoAndTakesMoreLater() {
        RdmaAdapter here = open("send-depth=66");
        RdmaAdapter there = open();
        Half initiator = connect(here, there).getFirst();
        RdmaMemory local = memory(here, 1);
        RdmaMemory remote = memory(there, 2);
        RdmaRemoteKey key = initiator
                .connection()
                .importKey(remote.grant(0, SIZE, Operation.WRITE).key());
        Slices batch = new Slices(
                Operation.WRITE,
                local,
                key,
                remote.region().address(),
                List.of(new Slice(0, 0, 8192), new Slice(9000, 9000, 8192)));
        int posted = 0;
        while (initiator.connection().post(batch)) {
            posted++;
        }
        assertThat(posted).isBetween(2, 22);
        until("room again", () -> initiator.connection().post(batch));
        int all = posted + 1;
        until("all are applied", () -> initiator.applied.size() == all);
    }

    @Test
    void aWrongKeyIsDeniedAndTheMemoryUntouched() {
        RdmaAdapter here = open();
        RdmaAdapter there = open();
        RdmaMemory local = memory(here, 0x11);
        RdmaMemory remote = memory(there, 0x22);
        for (Operation operation : Operation.values()) {
            Half initiator = connect(here, there).getFirst();
            byte[] wrong = remote.grant(0, SIZE, operation).key().clone();
            wrong[wrong.length - 1] ^= 0x55;
            assertDenied(
                    initiator,
                    new Slices(
                            operation,
                            local,
                            initiator.connection().importKey(wrong),
                            remote.region().address(),
                            List.of(new Slice(0, 0, 4096))));
        }
        assertThat(slice(remote, 0, 1).get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 0x22);
        assertThat(slice(local, 0, 1).get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 0x11);
    }

    private void assertDenied(Half initiator, Slices batch) {
        move(initiator, batch);
        assertThat(initiator.failure).as(initiator.detail).isEqualTo(TransferErrorCode.ACCESS_DENIED);
        assertThat(initiator.applied).isEmpty();
        assertThat(initiator.connection().post(batch))
                .as("a dead connection takes nothing")
                .isFalse();
    }

    @Test
    void aLeaseOpensWhatItNamesAndNoByteMore() {
        RdmaAdapter here = open(LEASE);
        RdmaAdapter there = open(LEASE);
        RdmaMemory local = memory(here, 0x11);
        RdmaMemory remote = memory(there, 0x22);
        RdmaGrant writable = remote.grant(8192 + 5, 1000, Operation.WRITE);
        RdmaGrant readable = remote.grant(65_536, 4096, Operation.READ);
        long base = remote.region().address();
        Half good = connect(here, there).getFirst();
        move(
                good,
                new Slices(
                        Operation.WRITE,
                        local,
                        good.connection().importKey(writable.key()),
                        base,
                        List.of(new Slice(0, 8192 + 5, 1000))));
        assertThat(good.failure).as(good.detail).isNull();
        MemorySegment before = arena.allocate(SIZE).copyFrom(remote.region().segment());
        for (long offset : new long[] {8192 + 4, 8192 + 6, 0, SIZE - 1000}) {
            Half half = connect(here, there).getFirst();
            RdmaRemoteKey key = half.connection().importKey(writable.key());
            assertDenied(half, new Slices(Operation.WRITE, local, key, base, List.of(new Slice(0, offset, 1000))));
        }
        Half writer = connect(here, there).getFirst();
        RdmaRemoteKey readKey = writer.connection().importKey(readable.key());
        assertDenied(writer, new Slices(Operation.WRITE, local, readKey, base, List.of(new Slice(0, 65_536, 4096))));
        Half reader = connect(here, there).getFirst();
        RdmaRemoteKey writeKey = reader.connection().importKey(writable.key());
        assertDenied(reader, new Slices(Operation.READ, local, writeKey, base, List.of(new Slice(0, 8192 + 5, 1000))));
        assertSame(remote.region().segment(), before);
        writable.revoke();
        readable.revoke();
    }

    @Test
    void aRevokedLeaseIsClosedOnConnectionsThatLive() {
        RdmaAdapter here = open(LEASE);
        RdmaAdapter there = open(LEASE);
        RdmaMemory local = memory(here, 0x11);
        RdmaMemory remote = memory(there, 0x22);
        Half initiator = connect(here, there).getFirst();
        RdmaGrant grant = remote.grant(0, SIZE, Operation.WRITE);
        RdmaRemoteKey key = initiator.connection().importKey(grant.key());
        grant.revoke();
        grant.revoke();
        assertDenied(
                initiator,
                new Slices(Operation.WRITE, local, key, remote.region().address(), List.of(new Slice(0, 0, SIZE))));
        assertThat(slice(remote, 0, 1).get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 0x22);
    }

    @Test
    void aPeerThatIsGoneIsLost() {
        RdmaAdapter here = open("ack-timeout=12", "retries=2");
        RdmaAdapter there = open();
        List<Half> pair = connect(here, there);
        RdmaMemory local = memory(here, 1);
        RdmaMemory remote = memory(there, 2);
        Half initiator = pair.getFirst();
        RdmaRemoteKey key = initiator
                .connection()
                .importKey(remote.grant(0, SIZE, Operation.WRITE).key());
        pair.getLast().connection().close();
        until("the target's half is closed", () -> pair.getLast().closed);
        move(
                initiator,
                new Slices(Operation.WRITE, local, key, remote.region().address(), List.of(new Slice(0, 0, 64))));
        assertThat(initiator.failure).as(initiator.detail).isEqualTo(TransferErrorCode.PEER_LOST);
    }

    /** What a closed connection had in flight changes nothing here any more, and nothing at a peer that has closed. */
    @Test
    void closingWithBytesInFlightFencesThem() {
        RdmaAdapter here = open();
        RdmaAdapter there = open();
        for (Operation operation : Operation.values()) {
            List<Half> pair = connect(here, there);
            RdmaMemory local = memory(here, 0x11);
            RdmaMemory remote = memory(there, 0x22);
            RdmaRemoteKey key = pair.getFirst()
                    .connection()
                    .importKey(remote.grant(0, SIZE, operation).key());
            List<Slice> chunks = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                chunks.add(new Slice(i * 65_536L, (15 - i) * 65_536L, 65_536));
            }
            Slices batch = new Slices(operation, local, key, remote.region().address(), chunks);
            for (int i = 0; i < 8; i++) {
                assertThat(pair.getFirst().connection().post(batch)).isTrue();
            }
            Half closing = operation == Operation.WRITE ? pair.getLast() : pair.getFirst();
            closing.connection().close();
            until("fenced", () -> closing.closed);
            MemorySegment destination =
                    (operation == Operation.WRITE ? remote : local).region().segment();
            destination.fill((byte) 0x77);
            MemorySegment poisoned = arena.allocate(SIZE).copyFrom(destination);
            Half other = closing == pair.getFirst() ? pair.getLast() : pair.getFirst();
            other.connection().close();
            until("the other half is closed", () -> other.closed);
            assertSame(destination, poisoned);
        }
    }

    @Test
    void aPortHasAnIpv6AddressToo() {
        RdmaAdapter here = open("gid-index=2");
        RdmaAdapter there = open("gid-index=2");
        assertThat(here.info().description()).contains("fd77:");
        List<Half> pair = connect(here, there);
        assertThat(pair.getFirst().connection().send(new byte[] {7})).isTrue();
        until("the message arrives", () -> pair.getLast().messages.size() == 1);
    }

    @Test
    void eachDeviceIsChosenByItsName() {
        assertThat(open("device=rxe1").info().description()).contains("rxe1").contains("10.77.1.1");
        assertThat(provider.probe(config("device=rxe9")))
                .isInstanceOfSatisfying(
                        Availability.Unavailable.class,
                        no -> assertThat(no.reason())
                                .contains("rxe9")
                                .contains("rxe0")
                                .contains("rxe1"));
    }

    @Test
    void garbageFromAPeerIsRefused() {
        RdmaAdapter here = open();
        RdmaAdapter there = open();
        assertRefused(TransferErrorCode.PROTOCOL_ERROR, () -> here.connect(new byte[] {1, 1, 7}, new Half()));
        assertRefused(TransferErrorCode.PROTOCOL_ERROR, () -> here.accept(new byte[0], new Half()));
        Half initiator = half();
        RdmaConnection connection = here.connect(there.address(), initiator);
        initiator.of(connection);
        assertRefused(TransferErrorCode.PROTOCOL_ERROR, () -> connection.establish(new byte[0]));
        assertRefused(TransferErrorCode.PROTOCOL_ERROR, () -> connection.importKey(new byte[] {1, 2}));
    }

    private static void assertRefused(TransferErrorCode code, Runnable call) {
        TransferException refusal = catchThrowableOfType(TransferException.class, call::run);
        assertThat(refusal).isNotNull();
        assertThat(refusal.code()).as(refusal.getMessage()).isEqualTo(code);
    }

    /**
     * A device that has no queue pair left says so, and has one again after another is closed.
     *
     * @throws IOException if the limit cannot be set
     */
    @Test
    void exhaustedQueuePairsAreSaidAndComeBack() throws IOException {
        RdmaAdapter here = open();
        RdmaAdapter there = open();
        Path group = Path.of("/sys/fs/cgroup/lab");
        Files.createDirectories(group);
        Files.writeString(
                group.resolve("cgroup.procs"),
                String.valueOf(ProcessHandle.current().pid()));
        Files.writeString(group.resolve("rdma.max"), "rxe0 hca_object=30");
        try {
            TransferException refusal = catchThrowableOfType(TransferException.class, () -> {
                for (int i = 0; i < 100; i++) {
                    Half half = new Half();
                    halves.add(half.of(here.connect(there.address(), half)));
                }
            });
            assertThat(refusal).isNotNull();
            assertThat(refusal.code()).as(refusal.getMessage()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED);
            Half first = halves.getFirst();
            first.connection().close();
            until("one is closed", () -> first.closed);
            Half next = half();
            next.of(here.connect(there.address(), next));
        } finally {
            Files.writeString(group.resolve("rdma.max"), "rxe0 hca_object=max");
        }
    }
}
