package io.kvferry.backend.mooncake;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Our initiator towards targets that are not ours: byte for byte, and when they misbehave. */
@Timeout(60)
class ForeignTargetTest {
    private static final long BASE = 0xffff_ffff_ffff_0000L;
    private static final int BYTES = 1 << 16;

    private final byte[] remote = new byte[BYTES];
    private ScriptedTarget target;
    private BackendNode<WireBackend> node;
    private MemorySegment local;
    private BlockList blocks;

    @BeforeEach
    void open() throws Exception {
        target = new ScriptedTarget(wire -> {});
        target.does(target.memory(remote, BASE, true));
        node = BackendNode.wire(BackendConfig.DEFAULTS
                .with(MooncakeConfigKeys.LANES, 1)
                .with(MooncakeConfigKeys.PROGRESS_TIMEOUT, Duration.ofMillis(400)));
        local = node.memory(BYTES, 3);
        blocks = BackendNode.blocks(local, BYTES / 4);
    }

    @AfterEach
    void close() throws Exception {
        node.close();
        target.close();
    }

    private BackendNode.Started start(Operation operation) {
        return node.start(operation, target.name(), blocks, BASE);
    }

    private void assertMoved(Operation operation) throws Exception {
        BackendNode.Started started = start(operation);
        started.ending().awaitCompleted();
        started.transfer().finish(BackendNode.soon());
        assertThat(remote).isEqualTo(local.toArray(ValueLayout.JAVA_BYTE));
    }

    private static TransferException refusal(ThrowingCallable call) {
        TransferException failure = catchThrowableOfType(TransferException.class, call);
        assertThat(failure).isNotNull();
        return failure;
    }

    @Test
    void foreign_noRequestReachesIntoASecondBuffer() throws Exception {
        // two buffers side by side: the native engine rejects a range that is in neither whole
        target.says(target.segment(
                2,
                "\"addr\":18446744073709486080,\"length\":32768,\"name\":\"a\"},{\"addr\":18446744073709518848,\"length\":32768",
                ""));
        assertMoved(Operation.WRITE);

        assertThat(target.headers.stream().map(Hex::of))
                .containsExactly(
                        "00 80 00 00 00 00 00 00 00 00 ff ff ff ff ff ff 81 00 00 00 00 00 00 00",
                        "00 80 00 00 00 00 00 00 00 80 ff ff ff ff ff ff 81 00 00 00 00 00 00 00");
    }

    @Test
    void foreign_writeIsTheGoldenBytesOfTheSecondGeneration() throws Exception {
        assertMoved(Operation.WRITE);

        assertThat(target.headers.stream().map(Hex::of))
                .containsExactly("00 00 01 00 00 00 00 00 00 00 ff ff ff ff ff ff 81 00 00 00 00 00 00 00");
        assertThat(new String(target.nextHandshake(), StandardCharsets.UTF_8))
                .startsWith("\u0001{\"buffers\":[],")
                .contains("\"protocol\":\"tcp\"", "\"tcp_proto_version\":2", "\"name\":\"" + node.backend.segmentName())
                .endsWith("}\n");
    }

    @Test
    void foreign_readIsTheGoldenBytesOfTheSecondGeneration() throws Exception {
        MemorySegment.ofArray(remote).fill((byte) 0x5a);
        assertMoved(Operation.READ);

        assertThat(target.headers.stream().map(Hex::of))
                .containsExactly("00 00 01 00 00 00 00 00 00 00 ff ff ff ff ff ff 80 00 00 00 00 00 00 00");
    }

    @Test
    void foreign_writeToTheFirstGenerationIsProvedByAReadOnTheSameConnection() throws Exception {
        target.says(target.segment(1, "\"addr\":18446744073709486080,\"length\":65536", ""));
        CountDownLatch probed = new CountDownLatch(1);
        CountDownLatch answer = new CountDownLatch(1);
        target.does(wire -> {
            byte[] write = wire.header();
            wire.in().readFully(remote, 0, ScriptedTarget.Wire.size(write));
            target.headers.add(write);
            target.headers.add(wire.header());
            probed.countDown();
            await(answer);
            wire.out().write(remote[BYTES - 1]);
            wire.in().read();
        });
        BackendNode.Started started = start(Operation.WRITE);
        assertThat(probed.await(20, TimeUnit.SECONDS)).isTrue();

        assertThat(started.ending().isComplete()).isFalse();
        assertThat(target.headers.stream().map(Hex::of))
                .containsExactly(
                        "00 00 01 00 00 00 00 00 00 00 ff ff ff ff ff ff 01 00 00 00 00 00 00 00",
                        "01 00 00 00 00 00 00 00 ff ff ff ff ff ff ff ff 00 00 00 00 00 00 00 00");
        answer.countDown();
        started.ending().awaitCompleted();
        assertThat(remote).isEqualTo(local.toArray(ValueLayout.JAVA_BYTE));
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await(20, TimeUnit.SECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void foreign_readFromTheFirstGenerationComesWithoutStatus() throws Exception {
        target.says(target.segment(1, "\"addr\":18446744073709486080,\"length\":65536", ""));
        target.does(target.memory(remote, BASE, false));
        MemorySegment.ofArray(remote).fill((byte) 7);
        assertMoved(Operation.READ);
        assertThat(target.headers.getFirst()[16]).isZero();
    }

    @Test
    void foreign_earlyRejectionFailsTheTransferAndTheNextOneWorks() throws Exception {
        target.does(wire -> {
            wire.header();
            wire.send(ScriptedTarget.REJECTED);
        });
        BackendNode.Started started = start(Operation.WRITE);
        TransferErrorCode code = awaitOneOf(started, TransferErrorCode.ACCESS_DENIED, TransferErrorCode.PEER_LOST);
        assertThat(code).isNotNull();
        assertThat(started.ending().isComplete()).isFalse();

        target.does(target.memory(remote, BASE, true));
        assertMoved(Operation.WRITE);
    }

    /** A rejection that is followed by a close can be overtaken by the reset. */
    private static TransferErrorCode awaitOneOf(BackendNode.Started started, TransferErrorCode... codes)
            throws Exception {
        TransferErrorCode code = started.ending().awaitFailed().code();
        assertThat(code).isIn((Object[]) codes);
        return code;
    }

    @Test
    void foreign_payloadThatStallsEndsInBoundedTimeAndIsQuiescentAfterwards() throws Exception {
        target.does(wire -> {
            wire.header();
            wire.send(ScriptedTarget.OK);
            wire.out().write(new byte[1024]);
            wire.in().read();
        });
        BackendNode.Started started = start(Operation.READ);
        started.ending().awaitFailed(TransferErrorCode.PEER_LOST);
        if (started.transfer().finish(BackendNode.soon()) == Quiescence.QUARANTINED) {
            started.ending().awaitQuiesced();
        }
        assertThat(started.ending().isComplete()).isFalse();
    }

    @Test
    void foreign_statusThatNeverComesEndsInBoundedTime() throws Exception {
        target.does(wire -> {
            byte[] header = wire.header();
            wire.in().readNBytes(ScriptedTarget.Wire.size(header));
            wire.in().read();
        });
        BackendNode.Started started = start(Operation.WRITE);
        started.ending().awaitFailed(TransferErrorCode.PEER_LOST);
        assertThat(started.ending().isComplete()).isFalse();
    }

    @Test
    void foreign_halfCloseInThePayloadIsNotCompletion() throws Exception {
        target.does(wire -> {
            wire.header();
            wire.send(ScriptedTarget.OK);
            wire.out().write(new byte[BYTES - 1]);
            wire.socket().shutdownOutput();
            wire.in().read();
        });
        BackendNode.Started started = start(Operation.READ);
        started.ending().awaitFailed(TransferErrorCode.CONNECTION_FAILED);
        assertThat(started.ending().isComplete()).isFalse();
    }

    @Test
    void foreign_statusWithoutItsMagicDropsTheConnection() throws Exception {
        target.does(wire -> {
            byte[] header = wire.header();
            wire.in().readNBytes(ScriptedTarget.Wire.size(header));
            wire.send("00 00 00 00 56 54 43 00");
            wire.in().read();
        });
        start(Operation.WRITE).ending().awaitFailed(TransferErrorCode.PROTOCOL_ERROR);
    }

    @Test
    void foreign_bytesThatNobodyAskedForDropTheConnection() throws Exception {
        target.does(wire -> {
            byte[] header = wire.header();
            wire.in().readNBytes(ScriptedTarget.Wire.size(header));
            wire.send(ScriptedTarget.OK + "ff");
            wire.in().read();
        });
        start(Operation.WRITE).ending().awaitCompleted();
        BackendNode.await(() -> node.backend.refused() > 0);
        target.does(target.memory(remote, BASE, true));
        assertMoved(Operation.WRITE);
    }

    @Test
    void foreign_restartOnANewPortIsFoundByTheNextPrepare() throws Exception {
        assertMoved(Operation.WRITE);
        target.restartData();
        BackendNode.fill(local, 5);
        target.says(
                target.segment(2, "\"addr\":18446744073709486080,\"length\":65536", ",\"kvferry_incarnation\":\"b\""));
        assertMoved(Operation.WRITE);
    }

    @Test
    void foreign_segmentWithoutSuchABufferIsRefusedBeforeAByteMoves() {
        TransferException outside = refusal(() -> node.prepare(Operation.WRITE, target.name(), blocks, BASE - 1));
        assertThat(outside.code()).isEqualTo(TransferErrorCode.ACCESS_DENIED);
        assertThat(target.headers).isEmpty();
    }

    @Test
    void foreign_repliesThatMakeNoSenseAreErrorsWithAReason() {
        String buffer = "\"addr\":4096,\"length\":65536";
        assertRefused("null\n", TransferErrorCode.PROTOCOL_ERROR);
        assertRefused("{}\n", TransferErrorCode.INCOMPATIBLE_PEER);
        assertRefused("{{{", TransferErrorCode.PROTOCOL_ERROR);
        assertRefused(target.segment(2, "\"addr\":4096,\"length\":0", ""), TransferErrorCode.PROTOCOL_ERROR);
        assertRefused(
                target.segment(2, "\"addr\":18446744073709551616,\"length\":1", ""), TransferErrorCode.PROTOCOL_ERROR);
        assertRefused(target.segment(2, "\"addr\":-1,\"length\":1", ""), TransferErrorCode.PROTOCOL_ERROR);
        assertRefused(
                target.segment(2, buffer, "").replace("\"tcp\"", "\"rdma\""), TransferErrorCode.INCOMPATIBLE_PEER);
        assertRefused(target.segment(2, buffer, "").replace("tcp_data_port", "port"), TransferErrorCode.PROTOCOL_ERROR);
    }

    private void assertRefused(String json, TransferErrorCode code) {
        target.says(json);
        assertThat(refusal(() -> node.prepare(Operation.WRITE, target.name(), blocks, 4096))
                        .code())
                .as(json)
                .isEqualTo(code);
    }

    @Test
    void foreign_segmentOfSeveralProtocolsIsReadForItsTcp() throws Exception {
        target.says(target.segment(2, "\"addr\":18446744073709486080,\"length\":65536,\"protocol\":\"tcp\"", "")
                .replace("\"protocol\":\"tcp\",\"tcp_data", "\"protocol\":[\"rdma\",\"tcp\"],\"tcp_data"));
        assertMoved(Operation.WRITE);
    }

    @Test
    void foreign_oversizedReplyIsRefusedByTheKeyThatAllowsIt() throws Exception {
        try (BackendNode<WireBackend> small =
                BackendNode.wire(BackendConfig.DEFAULTS.with(MooncakeConfigKeys.HANDSHAKE_MAX_LENGTH, 1024L))) {
            target.says(target.segment(2, "\"addr\":4096,\"length\":65536", ",\"more\":\"" + "x".repeat(2000) + "\""));
            MemorySegment memory = small.memory(4096, 1);
            TransferException refusal = refusal(
                    () -> small.prepare(Operation.WRITE, target.name(), BackendNode.blocks(memory, 4096), 4096));
            assertThat(refusal.getMessage()).contains("kvferry.mooncake.handshake-max-length=1024");
        }
    }

    @Test
    void foreign_notificationComesAfterTheLastByteWasApplied() throws Exception {
        long[] addresses = new long[blocks.size()];
        for (int i = 0; i < addresses.length; i++) {
            addresses[i] = BASE + blocks.offset(i);
        }
        BackendNode.Started started = node.prepare(
                Operation.WRITE,
                ForeignPeers.endpoint(target.name()),
                blocks,
                ForeignPeers.blocksAtThenNotify("kv", "layer 7", addresses));
        target.nextHandshake();
        started.transfer().submit(new BlockRange(0, 3));
        started.transfer().submit(new BlockRange(3, 1));
        started.ending().awaitCompleted();
        assertThat(new String(target.nextHandshake(), StandardCharsets.UTF_8))
                .isEqualTo("\u0002{\"name\":\"kv\",\"notify_msg\":\"layer 7\"}\n");
        assertThat(remote).isEqualTo(local.toArray(ValueLayout.JAVA_BYTE));
    }
}
