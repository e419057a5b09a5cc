package io.kvferry.backend.mooncake;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.engine.KvFerryConfig;
import io.kvferry.engine.Lease;
import io.kvferry.engine.LeaseRequest;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferEngine;
import io.kvferry.engine.TransferRequest;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.ForeignTarget;
import io.kvferry.spi.Payload;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Peers without peer control, through the engine: one engine is the foreign peer of the other. */
@Timeout(60)
class ForeignEngineTest {
    private static final int BYTES = 1 << 20;
    private static final Pattern SEGMENT = Pattern.compile("as segment (\\S+),");

    private final TransferEngine here = open();
    private final TransferEngine there = open();

    private static TransferEngine open() {
        return TransferEngine.open(KvFerryConfig.builder()
                .set("kvferry.backend", "mooncake", "test")
                .build());
    }

    @AfterEach
    void close() {
        here.close();
        there.close();
    }

    private static Deadline soon() {
        return Deadline.after(20, TimeUnit.SECONDS);
    }

    private static String segment(TransferEngine engine) {
        var name = SEGMENT.matcher(engine.backends().getFirst().info().description());
        assertThat(name.find()).isTrue();
        return name.group(1);
    }

    private static BlockList blocks(Memory memory) {
        return BlockList.uniform(memory.region(), 0, 0, BYTES / 16, 16);
    }

    private static Memory filled(TransferEngine engine, int seed) {
        Memory memory = engine.allocate(BYTES);
        BackendNode.fill(memory.region().segment(), seed);
        return memory;
    }

    private Lease offer(Memory memory) {
        return there.offer(
                LeaseRequest.writable(TransferId.random(), blocks(memory)),
                ForeignPeers.everybodyToReadAndWrite(),
                soon());
    }

    private static void assertRefused(TransferErrorCode code, ThrowingCallable call) {
        TransferException failure = catchThrowableOfType(TransferException.class, call);
        assertThat(failure).isNotNull();
        assertThat(failure.code()).as(failure.getMessage()).isEqualTo(code);
    }

    /** What the README shows, word for word. */
    private static void write(TransferEngine engine, Memory memory, String segment) {
        // README
        BlockList blocks = BlockList.uniform(memory.region(), 0, 0, 64 << 10, 16);
        ForeignTarget target = ForeignPeers.targetInBuffer(segment, 0, 0);
        TransferRequest request = TransferRequest.write(TransferId.random(), target.address(), blocks);
        try (Transfer transfer = engine.prepare(request, target, Deadline.after(5, TimeUnit.SECONDS))) {
            transfer.submit();
            transfer.await(Deadline.after(30, TimeUnit.SECONDS)).orThrow();
        }
        // end
    }

    @Test
    void foreign_readmeShowsWhatIsTestedHere() throws Exception {
        String source = Files.readString(Path.of("src/test/java/io/kvferry/backend/mooncake/ForeignEngineTest.java"));
        String shown = source.substring(source.indexOf("// README\n") + 10, source.indexOf("        // end"));
        assertThat(Files.readString(Path.of("README.md")))
                .contains(shown.stripTrailing().stripIndent());
    }

    @Test
    void foreign_segmentIsWrittenAndReadByName() {
        try (Memory remote = filled(there, 3);
                Memory local = filled(here, 5);
                Memory back = filled(here, 7);
                Lease lease = offer(remote)) {
            write(here, local, segment(there));
            assertThat(remote.region().segment().mismatch(local.region().segment()))
                    .isEqualTo(-1);
            ForeignTarget target = ForeignPeers.targetInBuffer(segment(there), 0, 0);
            try (Transfer transfer = here.prepare(
                    TransferRequest.read(TransferId.random(), target.address(), blocks(back)), target, soon())) {
                transfer.submit();
                assertThat(transfer.await(soon()).orThrow().blocks()).isEqualTo(16);
                transfer.finish();
                assertThat(transfer.memory()).isEqualTo(Quiescence.QUIESCENT);
            }
            assertThat(back.region().segment().mismatch(remote.region().segment()))
                    .isEqualTo(-1);
            assertThat(lease.result())
                    .as("nobody tells the target that it is over")
                    .isEmpty();
        }
    }

    @Test
    void foreign_revokedLeaseIsOutOfReachAndItsMemoryIsFree() {
        try (Memory remote = filled(there, 3);
                Memory local = filled(here, 5)) {
            Lease lease = offer(remote);
            lease.revoke();
            assertThat(lease.await(soon()).state()).isEqualTo(TransferState.CANCELLED);
            assertThat(lease.memory()).isEqualTo(Quiescence.QUIESCENT);
            assertRefused(TransferErrorCode.NOT_FOUND, () -> write(here, local, segment(there)));
        }
    }

    @Test
    void foreign_whatCannotBeIsRefusedBeforeAByteMoves() {
        try (Memory remote = filled(there, 3);
                Memory local = filled(here, 5);
                Lease lease = offer(remote)) {
            assertThat(lease.result()).isEmpty();
            ForeignTarget behind = ForeignPeers.targetInBuffer(segment(there), 15, 1);
            TransferRequest request = TransferRequest.read(TransferId.random(), behind.address(), blocks(local));
            assertRefused(TransferErrorCode.ACCESS_DENIED, () -> here.prepare(request, behind, soon()));
            assertRefused(TransferErrorCode.UNSUPPORTED, () -> here.prepare(request.confirm(), behind, soon()));
            ForeignTarget few = ForeignPeers.target(segment(there), 1, 2);
            assertRefused(TransferErrorCode.BUFFER_MISMATCH, () -> here.prepare(request, few, soon()));
            ForeignTarget nobody = ForeignPeers.target("127.0.0.1:1", new long[16]);
            assertRefused(TransferErrorCode.CONNECTION_FAILED, () -> here.prepare(request, nobody, soon()));
            assertThat(local.isInUse()).isFalse();
        }
    }

    @Test
    void foreign_notificationReachesTheApplicationAfterTheBytes() throws Exception {
        CompletableFuture<ForeignPeers.Notification> told = new CompletableFuture<>();
        there.onNotify(ForeignPeers.TOPIC, (from, payload) -> {
            told.complete(ForeignPeers.notification(payload));
            return Payload.EMPTY;
        });
        BackendNode<WireBackend> sender = BackendNode.wire(BackendConfig.DEFAULTS);
        try (sender;
                Memory remote = filled(there, 3);
                Memory local = filled(here, 5);
                Lease lease = offer(remote)) {
            assertThat(lease.result()).isEmpty();
            Segment found = sender.backend.segment(segment(there));
            long[] addresses =
                    found.buffers().stream().mapToLong(SegmentBuffer::address).toArray();
            ForeignTarget target = ForeignPeers.targetThenNotify(
                    segment(there), new ForeignPeers.Notification("kv", "layer 7"), addresses);
            try (Transfer transfer = here.prepare(
                    TransferRequest.write(TransferId.random(), target.address(), blocks(local)), target, soon())) {
                transfer.submit();
                transfer.await(soon()).orThrow();
            }
            assertThat(told.get(20, TimeUnit.SECONDS)).isEqualTo(new ForeignPeers.Notification("kv", "layer 7"));
            assertThat(remote.region().segment().mismatch(local.region().segment()))
                    .isEqualTo(-1);
        }
    }

    @Test
    void foreign_topicIsOutOfReachOfPeersWithPeerControl() {
        there.onNotify(ForeignPeers.TOPIC, (from, payload) -> Payload.EMPTY);
        assertRefused(
                TransferErrorCode.INVALID_REQUEST,
                () -> here.notify(there.address(), ForeignPeers.TOPIC, Payload.EMPTY, soon()));
    }
}
