package io.kvferry.control.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.control.cluster.ControllerView;
import io.kvferry.control.cluster.NodeRegistration;
import io.kvferry.control.cluster.NodeState;
import io.kvferry.control.cluster.NodeStats;
import io.kvferry.control.cluster.NodeView;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerIdentity;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TrafficTest {
    private static final long SECOND = 1_000_000_000;

    private final Traffic traffic = new Traffic();

    private static ControllerView view(long bootId, long moved, long requested, long hit) {
        return view(bootId, new NodeStats(0, 0, 0, 3, 5, moved, requested, hit));
    }

    private static ControllerView view(long bootId, NodeStats stats) {
        NodeView node = new NodeView(
                NodeRegistration.of(new PeerIdentity("a", bootId), "127.0.0.1:1", TestCluster.SCHEME),
                NodeState.LIVE,
                Duration.ZERO,
                Duration.ofSeconds(1),
                true,
                true,
                0,
                stats);
        return new ControllerView(
                "c",
                new PeerAddress("127.0.0.1", 1),
                "memory",
                true,
                Duration.ofSeconds(1),
                true,
                List.of("c"),
                List.of(node),
                0,
                0,
                0,
                0,
                0,
                Map.of());
    }

    @Test
    void ratesAreWhatCountersGainInTheTimeBetween() {
        traffic.add(view(1, 1000, 100, 50), 0, 0);

        Sample sample = traffic.add(view(1, 5000, 300, 200), 2 * SECOND, 7);

        assertThat(sample).isEqualTo(new Sample(7, 2000, 100, 75, 3, 5));
        assertThat(traffic.totals()).isEqualTo(new Traffic.Totals(4000, 200, 150));
    }

    @Test
    void aRestartIsNeitherTrafficNorLessThanNone() {
        traffic.add(view(1, 5000, 100, 50), 0, 0);

        Sample restarted = traffic.add(view(2, 9000, 0, 0), SECOND, 0);
        Sample gone = traffic.add(view(2, 10, 0, 0), 2 * SECOND, 0);

        assertThat(restarted.movedBytesPerSecond()).isZero();
        assertThat(gone.movedBytesPerSecond()).isZero();
        assertThat(traffic.totals().movedBytes()).isZero();
    }

    @Test
    void whatANodeCountedBeforeItFirstToldIsNoTraffic() {
        traffic.add(view(1, NodeStats.NONE), 0, 0);

        Sample told = traffic.add(view(1, 5L << 40, 1_000_000, 900_000), SECOND, 0);
        Sample after = traffic.add(view(1, (5L << 40) + 4000, 1_000_004, 900_003), 2 * SECOND, 0);

        assertThat(told.movedBytesPerSecond()).isZero();
        assertThat(after.movedBytesPerSecond()).isEqualTo(4000);
        assertThat(traffic.totals()).isEqualTo(new Traffic.Totals(4000, 4, 3));
    }

    @Test
    void onlyTheLastMinutesAreKept() {
        for (int i = 0; i < 1000; i++) {
            traffic.add(view(1, i, i, i), i * SECOND, i);
        }

        assertThat(traffic.history())
                .hasSize(300)
                .last()
                .extracting(Sample::unixMillis)
                .isEqualTo(999L);
    }
}
