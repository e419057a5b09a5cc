package io.kvferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import io.kvferry.control.cluster.ClusterClient;
import io.kvferry.control.cluster.ClusterConfigKeys;
import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.ControllerConfigKeys;
import io.kvferry.control.cluster.KeyScheme;
import io.kvferry.control.cluster.NodeRegistration;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerIdentity;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** A controller that is away for a hundred tries is one line when it goes and one when it is back. */
class ControllerOutageTest {
    private final Logger logger = (Logger) LoggerFactory.getLogger("io.kvferry.control.cluster.ControllerLink");
    private final Queue<ILoggingEvent> events = new ConcurrentLinkedQueue<>();
    private final AppenderBase<ILoggingEvent> appender = new AppenderBase<>() {
        @Override
        protected void append(ILoggingEvent event) {
            events.add(event);
        }
    };

    private long count(Level level, String part) {
        return events.stream()
                .filter(event -> event.getLevel().equals(level)
                        && event.getFormattedMessage().contains(part))
                .count();
    }

    private static void until(BooleanSupplier condition) {
        Deadline deadline = Deadline.after(Duration.ofSeconds(30));
        while (!condition.getAsBoolean()) {
            assertThat(deadline.isExpired()).isFalse();
            Thread.onSpinWait();
        }
    }

    @Test
    void anOutageIsToldOnceAndSoIsItsEnd() {
        appender.start();
        logger.addAppender(appender);
        logger.setLevel(Level.DEBUG);
        BackendConfig any = BackendConfig.DEFAULTS.with(ControllerConfigKeys.PORT, 0);
        Controller first = Controller.open(any);
        int port = first.address().port();
        try (ClusterClient node = ClusterClient.builder()
                .config(BackendConfig.DEFAULTS.with(ClusterConfigKeys.MAX_RECONNECT_DELAY, Duration.ofMillis(10)))
                .controllers(List.of(first.address()))
                .registration(
                        NodeRegistration.of(new PeerIdentity("a", 1), "127.0.0.1:1", new KeyScheme("sha256", 8, 256)))
                .open()) {
            assertThat(node.awaitRegistered(Deadline.after(Duration.ofSeconds(30))))
                    .isTrue();
            first.close();
            until(() -> count(Level.DEBUG, "still no session") >= 5);

            try (Controller second = Controller.open(BackendConfig.DEFAULTS.with(ControllerConfigKeys.PORT, port))) {
                until(() -> count(Level.INFO, "again, after ") == 1);

                assertThat(second.address().port()).isEqualTo(port);
                assertThat(count(Level.WARN, "trying again until there is one")).isEqualTo(1);
                assertThat(count(Level.INFO, "is registered with controller")).isEqualTo(2);
            }
        } finally {
            first.close();
            logger.detachAppender(appender);
            logger.setLevel(null);
        }
    }
}
