package io.kvferry.backend.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferException;
import io.netty.util.internal.logging.InternalLoggerFactory;
import java.lang.foreign.Arena;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Close is quiet and complete, whatever runs at that moment. */
@Timeout(300)
class TcpCloseTest {
    private static final int ROUNDS = 50;
    private static final int BLOCK = 256 << 10;
    private static final int BLOCKS = 32;

    /** Strong, or the handler would be collected with its logger. */
    private final Logger netty = Logger.getLogger("io.netty");

    private final Complaints complaints = new Complaints();

    /** What Netty complains about. */
    private static final class Complaints extends Handler {
        private final List<String> seen = new CopyOnWriteArrayList<>();

        @Override
        public void publish(LogRecord entry) {
            if (entry.getLevel().intValue() >= Level.WARNING.intValue()) {
                seen.add(entry.getMessage() + ": " + entry.getThrown());
            }
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    }

    @BeforeEach
    void listen() {
        netty.addHandler(complaints);
        InternalLoggerFactory.getInstance("io.netty.probe").warn("heard");
        assertThat(complaints.seen).as("the test hears Netty's log").hasSize(1);
        complaints.seen.clear();
    }

    @AfterEach
    void stopListening() {
        netty.removeHandler(complaints);
    }

    static List<SocketTransport> runnable() {
        return Arrays.stream(SocketTransport.values())
                .filter(transport -> transport.unavailabilityCause() == null)
                .toList();
    }

    @ParameterizedTest
    @MethodSource("runnable")
    void closingUnderTrafficLeavesNoThreadAndNoComplaint(SocketTransport transport) throws Exception {
        try (Arena arena = Arena.ofShared();
                TestClock clock = TestClock.real()) {
            BlockList local = blocks(arena);
            BlockList leased = blocks(arena);
            for (int round = 0; round < ROUNDS; round++) {
                TestNode one = new TestNode(transport, BackendConfig.DEFAULTS, clock);
                TestNode two = new TestNode(transport, BackendConfig.DEFAULTS, clock);
                Operation operation = round % 2 == 0 ? Operation.WRITE : Operation.READ;
                TestNode.Pair pair = new TestNode.Pair(one, two, operation, local, leased, ChecksumMode.AUTO).prepare();
                pair.initiator.submit(new BlockRange(0, BLOCKS));
                TestNode first = round % 4 < 2 ? one : two;
                TestNode second = first == one ? two : one;
                CompletableFuture<Void> knocking = CompletableFuture.runAsync(() -> knock(first));
                CompletableFuture<Void> dialing = CompletableFuture.runAsync(() -> dial(second, first));
                // closed together in some rounds, one after the other in the rest
                CompletableFuture<CloseReport> closing = CompletableFuture.supplyAsync(() -> close(first));
                if (round % 3 == 0) {
                    assertThat(close(second).isClean()).isTrue();
                }
                assertThat(closing.get(20, TimeUnit.SECONDS).isClean()).isTrue();
                assertThat(close(second).isClean()).isTrue();
                CompletableFuture.allOf(knocking, dialing).get(20, TimeUnit.SECONDS);
            }
            for (Thread thread : eventLoops()) {
                thread.join(Duration.ofSeconds(10)); // its last act is to say that it has ended
            }
            assertThat(eventLoops()).isEmpty();
        }
        assertThat(complaints.seen).isEmpty();
    }

    private static BlockList blocks(Arena arena) {
        return BlockList.uniform(MemoryRegion.host(arena.allocate((long) BLOCK * BLOCKS, 64)), 0, 0, BLOCK, BLOCKS);
    }

    private static CloseReport close(TestNode node) {
        return node.backend.close(node.deadline());
    }

    /** Strangers come while the listener closes. */
    private static void knock(TestNode node) {
        TcpEndpoint endpoint = TcpEndpoint.decode(node.backend.endpoint());
        for (int i = 0; i < 8; i++) {
            try (Socket socket = new Socket(endpoint.host(), endpoint.port())) {
                assertThat(socket.isConnected()).isTrue();
            } catch (java.io.IOException refused) {
                return;
            }
        }
    }

    /** Connections are dialed while both ends close. */
    private static void dial(TestNode from, TestNode to) {
        try (Arena arena = Arena.ofShared()) {
            BlockList one = BlockList.uniform(MemoryRegion.host(arena.allocate(64)), 0, 0, 64, 1);
            new TestNode.Pair(from, to, Operation.WRITE, one, one, ChecksumMode.OFF).prepare();
        } catch (TransferException closed) {
            assertThat(closed.code().number()).isPositive();
        }
    }

    private static List<Thread> eventLoops() {
        List<Thread> found = new ArrayList<>(Thread.getAllStackTraces().keySet());
        found.removeIf(thread -> !thread.getName().startsWith("kvferry-tcp"));
        return found;
    }
}
