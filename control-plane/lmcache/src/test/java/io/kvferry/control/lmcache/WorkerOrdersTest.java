package io.kvferry.control.lmcache;

import static io.kvferry.control.lmcache.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.ControllerConfigKeys;
import io.kvferry.control.cluster.OrderAction;
import io.kvferry.control.cluster.OrderRequest;
import io.kvferry.control.cluster.OrderResult;
import io.kvferry.control.cluster.OrderStatus;
import io.kvferry.control.cluster.Tier;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferErrorCode;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Orders at the workers' own ports, and what becomes of those that are not answered. */
@Timeout(180)
class WorkerOrdersTest {
    private static final String CPU = "LocalCPUBackend";
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Duration SOON = Duration.ofMillis(300);
    private static final OrderAction CLEAR = new OrderAction.Clear(Optional.of(Tier.HOST));
    private static final Message HEALTHY = Message.of(MessageType.HEALTH_WORKER_RET, 0L);

    // no worker here says anything unasked, and none shall be probed while it is looked at
    private final Controller controller = Controller.open(BackendConfig.DEFAULTS
            .with(ControllerConfigKeys.PORT, 0)
            .with(ControllerConfigKeys.LEASE, Duration.ofMinutes(10)));
    private final LmCacheFront front = LmCacheFront.open(controller, BackendConfig.DEFAULTS);

    @AfterEach
    void close() {
        front.close();
        controller.close();
    }

    private OrderStatus order(OrderAction action, Duration timeout, String... nodes) {
        return controller.order(new OrderRequest(action, List.of(nodes), timeout), Deadline.after(PATIENCE));
    }

    private OrderStatus finished(OrderStatus order) throws Exception {
        return controller.whenFinished(order.id()).orElseThrow().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    private OrderResult result(OrderStatus order, String node) throws Exception {
        return finished(order).results().get(node);
    }

    private static Message cleared(long tokens) {
        return Message.of(MessageType.CLEAR_WORKER_RET, tokens);
    }

    private TestWorker holder(String instance) throws Exception {
        TestWorker worker = new TestWorker(front, instance, 0);
        worker.register("h:0");
        worker.admit(CPU, 1, 1);
        eventually(() -> controller.nodes().stream()
                .anyMatch(node -> node.registration().instance().equals(instance) && node.chunks() == 1));
        return worker;
    }

    @Test
    void ordersReachTheWorkersPort() throws Exception {
        try (TestWorker worker = new TestWorker(front, "a", 0)) {
            worker.register("h:0");
            OrderStatus health = order(new OrderAction.Health(), PATIENCE);
            Message asked = worker.answer(HEALTHY);

            assertThat(asked.type()).isEqualTo(MessageType.HEALTH_WORKER);
            assertThat(finished(health).isDone()).isTrue();
        }
    }

    @Test
    void aDeadWorkerFailsItsOrderInTimeAndNobodyElse() throws Exception {
        try (TestWorker frozen = new TestWorker(front, "a", 0);
                TestWorker alive = new TestWorker(front, "b", 0)) {
            frozen.register("h:0");
            alive.register("h:0");
            OrderStatus both = order(new OrderAction.Health(), PATIENCE);
            alive.answer(HEALTHY);
            eventually(() -> controller.order(both.id()).orElseThrow().results().containsKey("b/0"));
            OrderStatus meanwhile = controller.order(both.id()).orElseThrow();

            assertThat(meanwhile.results().get("b/0").isDone()).isTrue();
            assertThat(meanwhile.results()).as("still waited for").doesNotContainKey("a/0");
            assertThat(result(order(new OrderAction.Health(), SOON, "a/0"), "a/0")
                            .code())
                    .isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED);
            assertThat(frozen.asked().type()).as("it had been asked").isEqualTo(MessageType.HEALTH_WORKER);
        }
    }

    @Test
    void requestsToOneWorkerGoOneByOneInTheirOrder() throws Exception {
        try (TestWorker worker = holder("a")) {
            List<OrderStatus> orders = List.of(order(CLEAR, PATIENCE), order(CLEAR, PATIENCE), order(CLEAR, PATIENCE));
            for (int i = 0; i < orders.size(); i++) {
                assertThat(worker.answer(cleared(i)).text("worker_event_id"))
                        .isEqualTo(orders.get(i).id());
            }
            for (int i = 0; i < orders.size(); i++) {
                assertThat(result(orders.get(i), "a/0").details()).containsEntry("num_tokens", String.valueOf(i));
            }
        }
    }

    @Test
    void anOrderToAProcessThatWasReplacedEndsAtOnce() throws Exception {
        OrderStatus clear;
        try (TestWorker before = holder("a")) {
            clear = order(CLEAR, PATIENCE);
            assertThat(before.asked().text("worker_event_id")).isEqualTo(clear.id());
        }
        try (TestWorker after = new TestWorker(front, "a", 0)) {
            after.register("h:0");
            assertThat(result(clear, "a/0").code()).isEqualTo(TransferErrorCode.PEER_LOST);
        }
    }

    @Test
    void whatAWorkerAnswersIsChecked() throws Exception {
        try (TestWorker worker = new TestWorker(front, "a", 0)) {
            worker.register("h:0");
            OrderStatus error = order(new OrderAction.Health(), PATIENCE);
            worker.answer(Message.error("no cache"));
            assertThat(result(error, "a/0").code()).isEqualTo(TransferErrorCode.TRANSFER_FAILED);
            assertThat(result(error, "a/0").detail()).contains("no cache");

            OrderStatus other = order(new OrderAction.Health(), PATIENCE);
            worker.answer(cleared(7));
            assertThat(result(other, "a/0").code()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);

            OrderStatus ill = order(new OrderAction.Health(), PATIENCE);
            worker.answer(Message.of(MessageType.HEALTH_WORKER_RET, -5L));
            assertThat(result(ill, "a/0").detail()).contains("error_code=-5");
        }
    }

    @Test
    void whatLmCacheCannotDoByKeysSaysSo() throws Exception {
        try (TestWorker worker = new TestWorker(front, "a", 0)) {
            worker.register("h:0");
            OrderStatus pin =
                    order(new OrderAction.Pin(HeldChunks.packed(new long[] {1}), Duration.ofMinutes(1)), PATIENCE);

            assertThat(result(pin, "a/0").code()).isEqualTo(TransferErrorCode.UNSUPPORTED);
        }
    }

    @Test
    void aSilentWorkerThatAnswersKeepsItsLease() throws Exception {
        try (Controller strict = Controller.open(BackendConfig.DEFAULTS
                        .with(ControllerConfigKeys.PORT, 0)
                        .with(ControllerConfigKeys.LEASE, Duration.ofSeconds(10)));
                LmCacheFront probing = LmCacheFront.open(strict, BackendConfig.DEFAULTS);
                TestWorker silent = new TestWorker(probing, "a", 0)) {
            silent.register("h:0");
            assertThat(silent.asked().type()).isEqualTo(MessageType.HEALTH_WORKER);
            Duration before = strict.nodes().getFirst().leaseLeft();
            silent.answerAsked(HEALTHY);

            eventually(() -> strict.nodes().getFirst().leaseLeft().compareTo(before) > 0);
        }
    }
}
