package io.kvferry.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.backend.rdma.adapter.RdmaAdapter;
import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.backend.rdma.adapter.RdmaGrant;
import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.backend.rdma.adapter.RdmaRemoteKey;
import io.kvferry.lab.Slices.Slice;
import io.kvferry.spi.Availability;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Verbs by themselves: what a device answers, and when it does not. */
final class VerbsAdapterTest {
    private static final int SIZE = Adapters.SIZE;

    private final Adapters lab = new Adapters();

    VerbsAdapterTest() {}

    @AfterEach
    void closeAll() {
        lab.close();
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
        RdmaAdapter here = lab.open();
        RdmaAdapter there = lab.open();
        Half initiator = lab.connect(here, there).getFirst();
        for (Operation operation : Operation.values()) {
            RdmaMemory local = lab.memory(here, 0x11);
            RdmaMemory remote = lab.memory(there, 0x22);
            Adapters.number(operation == Operation.WRITE ? local : remote);
            RdmaMemory destination = operation == Operation.WRITE ? remote : local;
            MemorySegment expected =
                    lab.arena.allocate(SIZE).copyFrom(destination.region().segment());
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
            lab.move(
                    initiator, new Slices(operation, local, key, remote.region().address(), SLICES));
            assertThat(initiator.failure).as(initiator.detail).isNull();
            Adapters.assertSame(destination.region().segment(), expected);
            key.release();
            grant.revoke();
        }
    }

    @Test
    void messagesArriveInOrderInBothDirections() {
        List<Half> pair = lab.connect(lab.open(), lab.open());
        for (int i = 0; i < 40; i++) {
            byte[] message = new byte[1 + i];
            message[0] = (byte) i;
            for (Half half : pair) {
                lab.until("there is room for a message", () -> half.connection().send(message));
            }
        }
        for (Half half : pair) {
            lab.until("all messages arrive", () -> half.messages.size() == 40);
            for (int i = 0; i < 40; i++) {
                assertThat(half.messages.get(i)).hasSize(1 + i).startsWith(i);
            }
        }
    }

    @Test
    void aFullQueueSaysSoAndTakesMoreLater() {
        RdmaAdapter here = lab.open("send-depth=66");
        RdmaAdapter there = lab.open();
        Half initiator = lab.connect(here, there).getFirst();
        RdmaMemory local = lab.memory(here, 1);
        RdmaMemory remote = lab.memory(there, 2);
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
        lab.until("room again", () -> initiator.connection().post(batch));
        int all = posted + 1;
        lab.until("all are applied", () -> initiator.applied.size() == all);
    }

    @Test
    void aPeerThatIsGoneIsLost() {
        RdmaAdapter here = lab.open("ack-timeout=12", "retries=2");
        RdmaAdapter there = lab.open();
        List<Half> pair = lab.connect(here, there);
        RdmaMemory local = lab.memory(here, 1);
        RdmaMemory remote = lab.memory(there, 2);
        Half initiator = pair.getFirst();
        RdmaRemoteKey key = initiator
                .connection()
                .importKey(remote.grant(0, SIZE, Operation.WRITE).key());
        pair.getLast().connection().close();
        lab.until("the target's half is closed", () -> pair.getLast().closed);
        lab.move(
                initiator,
                new Slices(Operation.WRITE, local, key, remote.region().address(), List.of(new Slice(0, 0, 64))));
        assertThat(initiator.failure).as(initiator.detail).isEqualTo(TransferErrorCode.PEER_LOST);
    }

    /** What a closed connection had in flight changes nothing here any more, and nothing at a peer that has closed. */
    @Test
    void closingWithBytesInFlightFencesThem() {
        RdmaAdapter here = lab.open();
        RdmaAdapter there = lab.open();
        for (Operation operation : Operation.values()) {
            List<Half> pair = lab.connect(here, there);
            RdmaMemory local = lab.memory(here, 0x11);
            RdmaMemory remote = lab.memory(there, 0x22);
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
            lab.until("fenced", () -> closing.closed);
            MemorySegment destination =
                    (operation == Operation.WRITE ? remote : local).region().segment();
            destination.fill((byte) 0x77);
            MemorySegment poisoned = lab.arena.allocate(SIZE).copyFrom(destination);
            Half other = closing == pair.getFirst() ? pair.getLast() : pair.getFirst();
            other.connection().close();
            lab.until("the other half is closed", () -> other.closed);
            Adapters.assertSame(destination, poisoned);
        }
    }

    @Test
    void aPortHasAnIpv6AddressToo() {
        RdmaAdapter here = lab.open("gid-index=2");
        RdmaAdapter there = lab.open("gid-index=2");
        assertThat(here.info().description()).contains("fd77:");
        List<Half> pair = lab.connect(here, there);
        assertThat(pair.getFirst().connection().send(new byte[] {7})).isTrue();
        lab.until("the message arrives", () -> pair.getLast().messages.size() == 1);
    }

    @Test
    void eachDeviceIsChosenByItsName() {
        assertThat(lab.open("device=rxe1").info().description())
                .contains("rxe1")
                .contains("10.77.1.1");
        assertThat(lab.provider.probe(lab.config("device=rxe9")))
                .isInstanceOfSatisfying(
                        Availability.Unavailable.class,
                        no -> assertThat(no.reason())
                                .contains("rxe9")
                                .contains("rxe0")
                                .contains("rxe1"));
    }

    @Test
    void garbageFromAPeerIsRefused() {
        RdmaAdapter here = lab.open();
        RdmaAdapter there = lab.open();
        assertRefused(TransferErrorCode.PROTOCOL_ERROR, () -> here.connect(new byte[] {1, 1, 7}, new Half()));
        assertRefused(TransferErrorCode.PROTOCOL_ERROR, () -> here.accept(new byte[0], new Half()));
        Half initiator = lab.half();
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
        RdmaAdapter here = lab.open();
        RdmaAdapter there = lab.open();
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
                    lab.halves.add(half.of(here.connect(there.address(), half)));
                }
            });
            assertThat(refusal).isNotNull();
            assertThat(refusal.code()).as(refusal.getMessage()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED);
            Half first = lab.halves.getFirst();
            first.connection().close();
            lab.until("one is closed", () -> first.closed);
            Half next = lab.half();
            next.of(here.connect(there.address(), next));
        } finally {
            Files.writeString(group.resolve("rdma.max"), "rxe0 hca_object=max");
        }
    }
}
