package io.kvferry.node;

import static io.kvferry.node.NodeBed.prompt;
import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.ControllerConfigKeys;
import io.kvferry.control.cluster.OrderAction;
import io.kvferry.control.cluster.OrderRequest;
import io.kvferry.control.cluster.OrderStatus;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferErrorCode;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Nodes with a real controller, over gRPC and TCP on loopback. */
class KvClusterTest {
    /** A controller that has just started does not claim to know everything. */
    private static final Set<MissReason> NOBODY = Set.of(MissReason.NOT_HELD, MissReason.INDEX_INCOMPLETE);

    @Test
    void whatOneNodePutsAnotherFindsThroughTheControllerAndFetchesOverTcp() throws Exception {
        try (Controller controller = controller();
                KvNode prefill = node(controller, "prefill", "");
                KvNode decode = node(controller, "decode", "")) {
            assertThat(prefill.awaitRegistered(soon())).isTrue();
            assertThat(decode.awaitRegistered(soon())).isTrue();
            prefill.put(prompt(3), NodeBed::fill);
            assertThat(prefill.awaitPublished(soon())).isTrue();

            assertThat(decode.lookup(prompt(4), soon()).hitTokens()).isEqualTo(12);
            try (KvFetch fetch = decode.fetch(prompt(4), soon())) {
                assertThat(fetch.figures().fetchedTokens()).isEqualTo(12);
                assertThat(fetch.miss().orElseThrow().reason()).isIn(NOBODY);
                assertThat(NodeBed.isRight(fetch.chunks())).isTrue();
            }
            assertThat(decode.awaitPublished(soon())).isTrue();
            assertThat(controller.nodes()).extracting(node -> node.chunks()).containsExactly(3L, 3L);

            OrderStatus cleared = order(controller, new OrderAction.Clear(Optional.empty()), "prefill");
            assertThat(cleared.results().get("prefill").code()).isEqualTo(TransferErrorCode.OK);
            assertThat(prefill.awaitPublished(soon())).isTrue();
            assertThat(prefill.status().chunks()).isZero();

            OrderStatus moved = order(
                    controller,
                    new OrderAction.Move(decode.keys(prompt(3)), prefill.identity(), Map.of(), false),
                    "decode");
            assertThat(moved.results().get("decode").code())
                    .as(moved.toString())
                    .isEqualTo(TransferErrorCode.OK);
            assertThat(decode.status().chunks()).isZero();
            try (KvFetch fetch = prefill.fetch(prompt(3), soon())) {
                assertThat(fetch.figures().localTokens()).isEqualTo(12);
                assertThat(NodeBed.isRight(fetch.chunks())).isTrue();
            }
        }
    }

    @Test
    void aNodeThatHasSaidGoodbyeIsNotFoundAnyMore() {
        try (Controller controller = controller();
                KvNode decode = node(controller, "decode", "")) {
            KvNode prefill = node(controller, "prefill", "");
            assertThat(prefill.awaitRegistered(soon())).isTrue();
            assertThat(decode.awaitRegistered(soon())).isTrue();
            prefill.put(prompt(1), NodeBed::fill);
            assertThat(prefill.awaitPublished(soon())).isTrue();

            prefill.close();

            assertThat(controller.nodes())
                    .extracting(node -> node.registration().identity().nodeId())
                    .containsExactly("decode");
            try (KvFetch fetch = decode.fetch(prompt(1), soon())) {
                assertThat(fetch.miss().orElseThrow().reason()).isIn(NOBODY);
            }
        }
    }

    @Test
    void nodesOfOtherModelsDoNotFindEachOther() {
        try (Controller controller = controller();
                KvNode one = node(controller, "one", "one");
                KvNode other = node(controller, "other", "other")) {
            assertThat(one.awaitRegistered(soon())).isTrue();
            assertThat(other.awaitRegistered(soon())).isTrue();
            one.put(prompt(1), NodeBed::fill);
            assertThat(one.awaitPublished(soon())).isTrue();

            assertThat(other.lookup(prompt(1), soon()).hitTokens()).isZero();
        }
    }

    @Test
    void withoutAControllerAFetchSaysSoAndWhatIsHereStaysUsable() {
        Controller controller = controller();
        try (KvNode node = node(controller, "node", "")) {
            assertThat(node.awaitRegistered(soon())).isTrue();
            controller.close();
            node.put(prompt(1), NodeBed::fill);

            try (KvFetch fetch = node.fetch(prompt(2), soon())) {
                assertThat(fetch.figures().localTokens()).isEqualTo(4);
                assertThat(fetch.miss().orElseThrow().reason()).isEqualTo(MissReason.NO_CONTROLLER);
            }
        }
    }

    private static OrderStatus order(Controller controller, OrderAction action, String node) throws Exception {
        OrderStatus placed = controller.order(new OrderRequest(action, List.of(node), Duration.ofSeconds(10)), soon());
        return controller.whenFinished(placed.id()).orElseThrow().get(20, TimeUnit.SECONDS);
    }

    private static Controller controller() {
        return Controller.open(KvFerryConfig.builder()
                .keys(ControllerConfigKeys.all())
                .set(ControllerConfigKeys.PORT, 0)
                .build()
                .values());
    }

    private static KvNode node(Controller controller, String id, String model) {
        return KvNode.builder()
                .config(KvFerryConfig.builder()
                        .set("kvferry.backend", "tcp")
                        .set("kvferry.peer.port", "0")
                        .set("kvferry.node-id", id)
                        .set("kvferry.cluster.controllers", controller.address().toString())
                        .set("kvferry.kv.model", model)
                        .set("kvferry.kv.pool-size", "64KiB")
                        .set("kvferry.kv.chunk-tokens", "4")
                        .set("kvferry.kv.layers", "2")
                        .set("kvferry.kv.kv-heads", "2")
                        .set("kvferry.kv.head-dim", "64")
                        .set("kvferry.kv.data-type", "f16"))
                .open();
    }

    private static Deadline soon() {
        return Deadline.after(20, TimeUnit.SECONDS);
    }
}
