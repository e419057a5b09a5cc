package io.kvferry.backend.nccl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.conformance.FakeTicker;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

/** Communicators are found again, bounded in number, and aborted when they are of no use; this test is the device thread. */
class ConnectionsTest {
    private static final long POLL_NANOS = 100_000;
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final FakeGpu gpu = new FakeGpu();
    private final FakeTicker ticker = new FakeTicker();
    private final List<String> ends = new ArrayList<>();

    private Connections connections(int max) {
        BackendConfig config = BackendConfig.DEFAULTS.with(NcclConfigKeys.MAX_CONNECTIONS, max);
        return new Connections(
                gpu,
                Settings.of(config),
                new BackendEnvironment(
                        new PeerIdentity("here", 1), ticker, ticker.scheduler(), "127.0.0.1", "127.0.0.1"));
    }

    private static Connection.Key initiatorOf(String node, long boot) {
        return new Connection.Key(new PeerIdentity(node, boot), boot, Operation.WRITE, Role.INITIATOR);
    }

    private static Connection.Key targetOf(long boot) {
        return new Connection.Key(new PeerIdentity("here", boot), boot, Operation.WRITE, Role.TARGET);
    }

    /** Connects to a peer of its own, and waits until both sides are open. */
    private Connection connect(Connections here, Connection.Key key) {
        Connections there = connections(64);
        List<Connection> joined = new ArrayList<>();
        Connection begun = here.begin(key, join -> joined.add(there.join(targetOf(1), join)));
        pollUntil(here, begun::isOpen);
        pollUntil(there, joined.getFirst()::isOpen);
        begun.opened().join();
        return begun;
    }

    private void pollUntil(Connections connections, BooleanSupplier condition) {
        Deadline deadline = Deadline.after(PATIENCE);
        while (!condition.getAsBoolean()) {
            assertThat(deadline.isExpired()).as("still waiting").isFalse();
            connections.poll();
            LockSupport.parkNanos(POLL_NANOS);
        }
    }

    /** Somebody who uses a connection, and writes down how it ends. */
    private Connection.User user(String name) {
        return new Connection.User() {
            @Override
            public TransferSide side() {
                throw new AssertionError("nobody asks");
            }

            @Override
            public void connectionEnded(TransferErrorCode code, String detail) {
                ends.add(name + " " + code);
            }
        };
    }

    @Test
    void beyondTheirNumberTheOneIdleLongestIsAborted() {
        Connections here = connections(2);
        Connection.Key a = initiatorOf("a", 1);
        Connection.Key b = initiatorOf("b", 1);
        Connection first = connect(here, a);
        Connection second = connect(here, b);
        int communicators = gpu.fakeNccl().openCommunicators();
        int streams = gpu.streams().openStreams();
        here.touch(first);

        Connection third = connect(here, initiatorOf("c", 1));

        assertThat(here.find(a)).isSameAs(first);
        assertThat(here.find(b)).as("the one idle longest").isNull();
        assertThat(here.find(third.key())).isSameAs(third);
        pollUntil(here, second::isEnded);
        assertThat(second.ended()).isDone();
        // of the third pair two came, the second's own went
        assertThat(gpu.fakeNccl().openCommunicators()).isEqualTo(communicators + 1);
        assertThat(gpu.streams().openStreams()).isEqualTo(streams + 1);
    }

    @Test
    void oneThatIsInUseIsNeverTakenAway() {
        Connections here = connections(1);
        Connection used = connect(here, initiatorOf("a", 1));
        Connection.User user = user("a");
        used.add(user);

        TransferException refusal =
                catchThrowableOfType(TransferException.class, () -> here.begin(initiatorOf("b", 1), join -> {}));

        assertThat(refusal.code()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED);
        assertThat(refusal).hasMessageContaining("kvferry.nccl.max-connections");
        assertThat(used.isOpen()).isTrue();
        used.remove(user);
        connect(here, initiatorOf("b", 1));
        assertThat(used.isUsable()).isFalse();
        assertThat(ends).isEmpty();
    }

    @Test
    void peerThatHasRestartedTakesWhatItsOldProcessHad() {
        Connections here = connections(8);
        Connection old = connect(here, initiatorOf("a", 1));
        Connection other = connect(here, initiatorOf("b", 1));
        old.add(user("a"));
        other.add(user("b"));

        Connection now = connect(here, initiatorOf("a", 2));

        assertThat(ends).containsExactly("a PEER_RESTARTED");
        assertThat(here.find(old.key())).isNull();
        assertThat(here.find(now.key())).isSameAs(now);
        assertThat(other.isOpen()).isTrue();
    }

    @Test
    void peerThatConnectsAnewTakesThePlaceOfItsLastConnection() {
        Connections here = connections(8);
        Connections target = connections(8);
        Connection.Key key = initiatorOf("a", 1);
        List<Connection> joined = new ArrayList<>();
        Connection lost = here.begin(key, join -> joined.add(target.join(targetOf(1), join)));
        lost.end(TransferErrorCode.TRANSFER_FAILED, "the initiator has lost it");
        Connection again = here.begin(key, join -> joined.add(target.join(targetOf(1), join)));
        pollUntil(here, again::isOpen);
        pollUntil(target, joined.getLast()::isOpen);
        assertThat(joined.getFirst().isUsable()).isFalse();
        assertThat(target.usableNumber(targetOf(1))).isEqualTo(again.number());
    }

    @Test
    void numberThatIsGivenTwiceEndsTheConnection() {
        Connections here = connections(8);
        Connection connection = connect(here, initiatorOf("a", 1));
        connection.add(user("a"));
        MemoryRegion memory = MemoryRegion.cuda(0, gpu.cuda().allocate(4096), 4096);
        List<String> halves = new ArrayList<>();
        for (String name : new String[] {"first", "second"}) {
            connection.postAtInitiator(
                    0,
                    new Half(BlockList.uniform(memory, 0, 0, 4096, 1), new BlockRange(0, 1), true, new Half.Outcome() {
                        @Override
                        public void done() {
                            halves.add(name + " done");
                        }

                        @Override
                        public void dropped() {
                            halves.add(name + " dropped");
                        }
                    }));
        }
        assertThat(ends).containsExactly("a PROTOCOL_ERROR");
        pollUntil(here, connection::isEnded);
        assertThat(halves).containsExactlyInAnyOrder("first dropped", "second dropped");
    }

    @Test
    void connectingEndsAtItsOwnTimeoutWhoeverBeganIt() {
        Connections here = connections(8);
        Connection alone = here.begin(initiatorOf("a", 1), join -> {});
        ticker.advance(NcclConfigKeys.CONNECT_TIMEOUT.defaultValue().minusNanos(1));
        here.poll();
        assertThat(alone.isUsable()).isTrue();
        ticker.advance(Duration.ofNanos(1));
        pollUntil(here, alone::isEnded);
        TransferException why = (TransferException) alone.opened().exceptionNow();
        assertThat(why.code()).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED);
        assertThat(why).hasMessageContaining("NCCL_SOCKET_IFNAME").hasMessageContaining("kvferry.nccl.connect-timeout");
    }
}
