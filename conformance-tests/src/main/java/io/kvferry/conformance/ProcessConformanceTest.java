package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.engine.BackendStatus;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferEngine;
import io.kvferry.engine.TransferRequest;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Capability;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Two processes: one is killed, stopped, restarted, shouted at; the other goes on.
 *
 * @since 0.1.0
 */
@Tag("process")
public abstract class ProcessConformanceTest extends ConformanceSuite {
    private static final int BLOCK = 1 << 20;
    private static final int BLOCKS = 16;
    private static final long THERE = 5;

    private @Nullable TransferEngine engine;
    private final List<ForkedNode> forked = new ArrayList<>();
    private final Map<Transfer, Memory> memories = new HashMap<>();

    /**
     * Makes the suite.
     *
     * @param harness what is tested
     */
    protected ProcessConformanceTest(BackendHarness harness) {
        super(harness);
    }

    @AfterEach
    final void endProcesses() {
        // stopped ones too: SIGKILL needs no cooperation
        forked.forEach(ForkedNode::close);
        TransferEngine open = engine;
        if (open != null) {
            Await.call("close of the engine", () -> open.close(seconds(5)));
        }
    }

    private Map<String, String> config(String nodeId) {
        Map<String, String> config = new TreeMap<>(harness().config());
        config.put("kvferry.backend", harness().provider().name());
        config.put("kvferry.node-id", nodeId);
        config.put("kvferry.hello-timeout", Await.scaled(Duration.ofSeconds(5)).toSeconds() + "s");
        config.put("kvferry.finish-grace", "300ms");
        config.put("kvferry.finish-horizon", "3s");
        return config;
    }

    private ForkedNode fork(Map<String, String> more) {
        Map<String, String> config = config("forked");
        config.putAll(more);
        ForkedNode node = ForkedNode.start(config);
        forked.add(node);
        return node;
    }

    private TransferEngine engine() {
        TransferEngine known = engine;
        if (known == null) {
            KvFerryConfig.Builder builder = KvFerryConfig.builder();
            config("parent").forEach(builder::set);
            known = TransferEngine.open(builder.build());
            engine = known;
        }
        return known;
    }

    private static Deadline seconds(long seconds) {
        return Deadline.after(Await.scaled(Duration.ofSeconds(seconds)));
    }

    private TransferRequest request(TransferId id, Operation operation, PeerAddress peer, Memory memory) {
        BlockList blocks = BlockList.uniform(memory.region(), 0, 0, BLOCK, BLOCKS);
        return operation == Operation.WRITE
                ? TransferRequest.write(id, peer, blocks)
                : TransferRequest.read(id, peer, blocks);
    }

    /** One whole transfer with a forked node; both ends must hold the same bytes. */
    private void assertMoves(ForkedNode peer, Operation operation) {
        TransferId id = TransferId.random();
        Memory memory = Node.allocate(engine(), (long) BLOCK * BLOCKS);
        Layout.fill(memory, 77);
        peer.offer(id, operation, BLOCK, BLOCKS, THERE);
        try (Transfer transfer = healed(request(id, operation, peer.address(), memory))) {
            transfer.submit();
            transfer.await(seconds(20)).orThrow();
        }
        assertThat(peer.awaitEnd(id)).isEqualTo("COMPLETED");
        assertThat(peer.checksum(id)).isEqualTo(ForkedEngine.checksum(memory));
        memory.close(seconds(5));
    }

    /** Prepares; after a restart of the peer one attempt may fail, with an error that says it may be tried again. */
    private Transfer healed(TransferRequest request) {
        try {
            return engine().prepare(request, seconds(10));
        } catch (TransferException e) {
            assertThat(e.error().isRetryable()).as(e.getMessage()).isTrue();
            return engine().prepare(request.attempt(2), seconds(10));
        }
    }

    /** Bytes cross between two processes, both ways, and both ends agree on what they hold. */
    @Test
    public final void required_R16_8_bytesCrossProcessesBothWays() {
        ForkedNode peer = fork(Map.of());
        for (int round = 0; round < 3; round++) {
            assertMoves(peer, Operation.WRITE);
            assertMoves(peer, Operation.READ);
        }
        assertThat(peer.goodbye()).isZero();
    }

    /** A peer that is killed with bytes in flight ends the transfer in bounded time, and the memory comes back. */
    @Test
    public final void required_R1_11_killedPeerEndsTheTransfer() {
        for (Operation operation : BOTH) {
            ForkedNode peer = fork(Map.of());
            Transfer transfer = halfDone(peer, operation, seconds(10));
            peer.kill();
            submitRest(transfer);
            assertEndsBadly(transfer);
        }
    }

    /**
     * A peer that is stopped with bytes in flight does not hold the transfer beyond its deadline, nor its memory. Only where
     * its software has no part in the data path, so that it sees no parts by itself, may the transfer even complete.
     */
    @Test
    public final void required_R1_12_stoppedPeerDoesNotHoldTheTransfer() {
        for (Operation operation : BOTH) {
            ForkedNode peer = fork(Map.of());
            assertMoves(peer, operation);
            Transfer transfer = halfDone(peer, operation, Deadline.after(Await.scaled(Duration.ofMillis(1500))));
            peer.stop();
            submitRest(transfer);
            Memory memory = servesWithoutItsProcess()
                    ? assertEndsAs(transfer, TransferState.FAILED, TransferState.TIMED_OUT, TransferState.COMPLETED)
                    : assertEndsBadly(transfer);
            String moved = ForkedEngine.checksum(memory);
            Layout.fill(memory, 99);
            String poisoned = ForkedEngine.checksum(memory);
            peer.resume();
            if (transfer.result().orElseThrow().state() == TransferState.COMPLETED) {
                assertThat(peer.checksum(transfer.id())).isEqualTo(moved);
            }
            assertMoves(peer, operation);
            assertThat(ForkedEngine.checksum(memory)).isEqualTo(poisoned);
        }
    }

    private boolean servesWithoutItsProcess() {
        return engine().backends().stream()
                .map(BackendStatus::info)
                .filter(Objects::nonNull)
                .noneMatch(info -> info.can(Capability.TARGET_PROGRESS));
    }

    private Transfer halfDone(ForkedNode peer, Operation operation, Deadline deadline) {
        TransferId id = TransferId.random();
        Memory memory = Node.allocate(engine(), (long) BLOCK * BLOCKS);
        peer.offer(id, operation, BLOCK, BLOCKS, THERE);
        Transfer transfer =
                engine().prepare(request(id, operation, peer.address(), memory).deadline(deadline), seconds(10));
        memories.put(transfer, memory);
        transfer.submit(new BlockRange(0, BLOCKS / 2));
        Await.until("half of it is applied", () -> transfer.status().blocksDone() == BLOCKS / 2);
        return transfer;
    }

    private static void submitRest(Transfer transfer) {
        try {
            transfer.submit(new BlockRange(BLOCKS / 2, BLOCKS / 2));
        } catch (TransferException e) {
            assertThat(e.code()).isNotEqualTo(TransferErrorCode.INTERNAL);
        }
    }

    private Memory assertEndsBadly(Transfer transfer) {
        return assertEndsAs(transfer, TransferState.FAILED, TransferState.TIMED_OUT);
    }

    private Memory assertEndsAs(Transfer transfer, TransferState... expected) {
        TransferResult result = Await.call("the end of the transfer", () -> transfer.await(seconds(9)));
        assertThat(result.state()).isIn((Object[]) expected);
        transfer.finish();
        assertThat(Await.call("quiescence", () -> transfer.awaitQuiescent(seconds(5))))
                .isTrue();
        return Objects.requireNonNull(memories.get(transfer));
    }

    /** A peer that is restarted between prepare and submit is not written by what was prepared; the next attempt heals. */
    @Test
    public final void required_R13_4_restartedPeerIsMetAnew() {
        ForkedNode first = fork(Map.of());
        assertMoves(first, Operation.WRITE);
        Transfer transfer = halfDone(first, Operation.WRITE, seconds(4));
        first.kill();
        ForkedNode second =
                fork(Map.of("kvferry.peer.port", String.valueOf(first.address().port())));
        assertThat(second.address()).isEqualTo(first.address());
        submitRest(transfer);
        assertEndsBadly(transfer);
        assertMoves(second, Operation.WRITE);
        assertMoves(second, Operation.READ);
    }

    /**
     * Garbage on any port that the peer listens on is survived, and transfers go on beside it.
     *
     * @throws IOException if a file or a socket of the test itself fails
     */
    @Test
    public final void stochastic_R11_4_garbageOnEveryPortIsSurvived() throws IOException {
        ForkedNode peer = fork(Map.of());
        Random random = random();
        assertMoves(peer, Operation.WRITE);
        Set<Integer> ports = peer.listeningPorts();
        assertThat(ports).contains(peer.address().port());
        List<Socket> silent = new ArrayList<>();
        for (int port : ports) {
            for (int i = 0; i < 30; i++) {
                try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                    socket.getOutputStream().write(garbage(random, i));
                } catch (IOException e) {
                    // closed by the peer while we wrote: a good answer to garbage
                    assertThat(e).isNotNull();
                }
            }
            silent.add(new Socket(InetAddress.getLoopbackAddress(), port));
        }
        assertMoves(peer, Operation.WRITE);
        assertMoves(peer, Operation.READ);
        for (Socket socket : silent) {
            socket.close();
        }
        assertThat(peer.goodbye()).isZero();
    }

    private static byte[] garbage(Random random, int kind) {
        if (kind % 3 == 0) {
            return "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
        }
        byte[] noise = new byte[1 + random.nextInt(5000)];
        random.nextBytes(noise);
        if (kind % 3 == 1) {
            Arrays.fill(noise, (byte) 0xFF);
        }
        return noise;
    }

    /** A peer that says goodbye is gone, not lost: its process ends by itself, and a new request says why it fails. */
    @Test
    public final void required_R20_9_goodbyeOfAProcessIsOrderly() {
        ForkedNode peer = fork(Map.of());
        assertMoves(peer, Operation.WRITE);
        assertThat(peer.goodbye()).isZero();
        Memory memory = Node.allocate(engine(), (long) BLOCK * BLOCKS);
        assertFailsWithOneOf(
                Set.of(
                        TransferErrorCode.CONTROL_FAILED,
                        TransferErrorCode.CONNECTION_FAILED,
                        TransferErrorCode.SHUTTING_DOWN),
                () -> engine().prepare(
                                request(TransferId.random(), Operation.WRITE, peer.address(), memory), seconds(10)));
    }
}
