package io.kvferry.control.lmcache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.ControllerConfigKeys;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;

@Timeout(60)
class LmCacheProbeTest {
    private static final Duration SOON = Duration.ofMillis(300);

    private final LmCacheProbe probe = new LmCacheProbe();

    private static Deadline patience() {
        return Deadline.after(Duration.ofSeconds(20));
    }

    private static void assertFails(TransferErrorCode code, String part, ThrowingCallable call) {
        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(call)
                .withMessageContaining(part)
                .satisfies(e -> assertThat(e.code()).isEqualTo(code));
    }

    @Test
    void aControllerThatWorksIsFoundWorkingAndLeftAsItWas() {
        try (probe;
                Controller controller = Controller.open(BackendConfig.DEFAULTS.with(ControllerConfigKeys.PORT, 0));
                LmCacheFront front = LmCacheFront.open(controller, BackendConfig.DEFAULTS)) {
            probe.reach(front.pullAddress(), patience());
            probe.ask(front.replyAddress(), patience());
            assertThat(controller.nodes()).isEmpty();

            probe.join(front.pullAddress(), front.replyAddress(), patience());

            Deadline deadline = patience();
            while (!controller.nodes().isEmpty()) {
                assertThat(deadline.isExpired()).as("the probe has left").isFalse();
                Thread.onSpinWait();
            }
            assertThat(front.counters()).containsEntry("malformed_frames", 0L).containsEntry("errors_answered", 0L);
        }
    }

    /** What a TCP connection cannot tell: the kernel takes it, and nobody is behind it. */
    @Test
    void aPortThatTakesConnectionsAloneIsNoController() throws Exception {
        try (probe;
                ServerSocket silent = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
            PeerAddress address = new PeerAddress("127.0.0.1", silent.getLocalPort());

            assertFails(
                    TransferErrorCode.CONNECTION_FAILED,
                    "controller_reply_url is reached at " + address,
                    () -> probe.ask(address, Deadline.after(SOON)));
            assertFails(
                    TransferErrorCode.CONNECTION_FAILED,
                    "controller_pull_url",
                    () -> probe.reach(address, Deadline.after(SOON)));
        }
    }

    /** The state of a controller after one frame that it could not decode: its sockets are open, its loop has ended. */
    @Test
    void socketsWhoseLoopHasEndedAreToldFromNone() {
        try (probe;
                ZContext context = new ZContext()) {
            ZMQ.Socket replies = context.createSocket(SocketType.ROUTER);
            PeerAddress address = new PeerAddress("127.0.0.1", replies.bindToRandomPort("tcp://127.0.0.1"));

            assertFails(
                    TransferErrorCode.DEADLINE_EXCEEDED,
                    "does not answer",
                    () -> probe.ask(address, Deadline.after(Duration.ofSeconds(2))));
            assertFails(
                    TransferErrorCode.CONNECTION_FAILED,
                    "is a ROUTER, but a controller_pull_url is a PULL",
                    () -> probe.reach(address, patience()));
        }
    }

    @Test
    void aPullLoopThatHasEndedIsFoundByTheKeyThatNeverArrives() {
        try (probe;
                ZContext context = new ZContext();
                Controller controller = Controller.open(BackendConfig.DEFAULTS.with(ControllerConfigKeys.PORT, 0));
                LmCacheFront front = LmCacheFront.open(controller, BackendConfig.DEFAULTS)) {
            ZMQ.Socket dead = context.createSocket(SocketType.PULL);
            PeerAddress pull = new PeerAddress("127.0.0.1", dead.bindToRandomPort("tcp://127.0.0.1"));

            probe.reach(pull, patience());
            assertFails(
                    TransferErrorCode.DEADLINE_EXCEEDED,
                    "is not taken in",
                    () -> probe.join(pull, front.replyAddress(), Deadline.after(Duration.ofSeconds(2))));
        }
    }
}
