package io.kvferry.node;

import static io.kvferry.node.NodeBed.prompt;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvferry.conformance.Await;
import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.NodeOrder;
import io.kvferry.control.cluster.NodeRegistration;
import io.kvferry.control.cluster.OrderAction;
import io.kvferry.control.cluster.OrderResult;
import io.kvferry.control.cluster.Tier;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.Payload;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Chunks that are sent: layer after layer while they are computed, and on a controller's order. */
class KvStreamTest {
    private final NodeBed bed = new NodeBed();

    @AfterEach
    void close() {
        bed.close();
    }

    @Test
    void aLayerIsSentAsSoonAsItIsThereAndUsedAsSoonAsItHasArrived() {
        KvNode prefill = bed.open("prefill");
        KvNode decode = bed.open("decode");
        TransferId id = TransferId.random();

        try (KvReceive receive = decode.receive(id, prompt(3), "prefill", bed.in(60));
                KvWrite write = prefill.write(prompt(3))) {
            KvSend send = write.sendTo(id, decode.address(), bed.in(60));
            fill(write, 0);
            write.layerReady(0);

            assertThat(receive.awaitLayer(0, bed.in(10))).isTrue();
            for (int chunk = 0; chunk < 3; chunk++) {
                assertThat(NodeBed.isRight(0, chunk, receive.layer(chunk, 0))).isTrue();
            }
            assertThat(send.status().blocksDone())
                    .as("layer 1 is not computed yet")
                    .isEqualTo(3);

            fill(write, 1);
            write.layerReady(1);
            assertThat(write.commit().storedTokens()).isEqualTo(12);
            assertThat(NodeBed.isRight(receive.await(bed.in(10)))).isTrue();
            assertThat(send.await(bed.in(10))).isInstanceOf(TransferResult.Completed.class);
        }
        assertThat(decode.status().chunks()).isEqualTo(3);
        assertThat(bed.directory.held("decode")).isEqualTo(3);
        Await.until("nothing is in use", () -> prefill.status().idleChunks() == 3);
    }

    @Test
    void layersThatWereReadyBeforeAreSentAtOnce() {
        KvNode prefill = bed.open("prefill");
        KvNode decode = bed.open("decode");
        TransferId id = TransferId.random();
        prefill.put(prompt(2), NodeBed::fill);

        try (KvReceive receive = decode.receive(id, prompt(2), "prefill", bed.in(60));
                KvWrite write = prefill.write(prompt(2))) {
            assertThat(write.isKnown(1)).isTrue();
            write.layerReady(0);
            write.layerReady(1);
            KvSend send = write.sendTo(id, decode.address(), bed.in(60));

            assertThat(NodeBed.isRight(receive.await(bed.in(10)))).isTrue();
            assertThat(send.await(bed.in(10))).isInstanceOf(TransferResult.Completed.class);
        }
    }

    @Test
    void whatIsNotCommittedIsForgotten() {
        KvNode node = bed.open("node");

        try (KvWrite write = node.write(prompt(2))) {
            fill(write, 0);
            write.layerReady(0);
            assertThatThrownBy(write::commit).hasMessageContaining("1 of 2 layers");
            assertThat(node.status().freeSlots()).isEqualTo(node.status().slots() - 2);
        }

        assertThat(node.status().freeSlots()).isEqualTo(node.status().slots());
        assertThat(bed.directory.held("node")).isZero();
    }

    @Test
    void anotherNodeThanTheNamedOneMayNotSend() {
        KvNode decode = bed.open("decode");
        KvNode stranger = bed.open("stranger");
        TransferId id = TransferId.random();

        try (KvReceive receive = decode.receive(id, prompt(1), "prefill", bed.in(60));
                KvWrite write = stranger.write(prompt(1))) {
            assertThatThrownBy(() -> write.sendTo(id, decode.address(), bed.in(5)))
                    .isInstanceOf(TransferException.class)
                    .hasMessageContaining("ACCESS_DENIED");
            assertThat(receive.awaitLayer(0, bed.in(0))).isFalse();
        }
    }

    @Test
    void aSenderThatNeverComesLeavesNothingReserved() {
        KvNode decode = bed.open("decode");

        KvReceive receive = decode.receive(TransferId.random(), prompt(2), "prefill", bed.in(1));
        CompletableFuture<KvChunks> chunks = Await.start(() -> receive.await(bed.in(5)));

        Await.advancing("the lease ends", bed.ticker, Duration.ofMillis(100), chunks::isDone);
        assertThatThrownBy(chunks::join).hasMessageContaining("LEASE_ENDED");
        receive.close();
        assertThat(decode.status().freeSlots()).isEqualTo(decode.status().slots());
    }

    @Test
    void aMoveTakesChunksToAnotherNodeAndEvictsThemHere() {
        KvNode source = bed.open("source");
        KvNode destination = bed.open("destination");
        source.put(prompt(3), NodeBed::fill);
        destination.put(prompt(1), NodeBed::fill);

        OrderResult moved = order(source, move(source, destination, false));

        assertThat(moved).isEqualTo(OrderResult.done(3));
        Await.until("all have arrived", () -> destination.status().chunks() == 3);
        assertThat(source.status().chunks()).isZero();
        try (KvFetch fetch = destination.fetch(prompt(3), bed.in(5))) {
            assertThat(fetch.figures().localTokens()).isEqualTo(12);
            assertThat(NodeBed.isRight(fetch.chunks())).isTrue();
        }
        assertThat(destination.status().counters().receivedBytes())
                .as("one was there already")
                .isEqualTo(2 * NodeBed.LAYOUT.chunkBytes(NodeBed.CHUNK));
    }

    @Test
    void aCopyKeepsTheSource() {
        KvNode source = bed.open("source");
        KvNode destination = bed.open("destination");
        source.put(prompt(2), NodeBed::fill);

        assertThat(order(source, move(source, destination, true))).isEqualTo(OrderResult.done(2));
        assertThat(order(source, move(source, destination, true)))
                .as("the second time nothing needs to move")
                .isEqualTo(OrderResult.done(2));

        assertThat(source.status().chunks()).isEqualTo(2);
        assertThat(source.status().counters().sentBytes()).isEqualTo(2 * NodeBed.LAYOUT.chunkBytes(NodeBed.CHUNK));
    }

    @Test
    void aMoveToANodeWithoutRoomFailsAndKeepsTheSource() {
        KvNode source = bed.open("source");
        KvNode destination = bed.open("destination", Map.of("kvferry.kv.pool-size", "8KiB"));
        source.put(prompt(4), NodeBed::fill);

        assertThatThrownBy(() -> order(source, move(source, destination, false)))
                .isInstanceOf(TransferException.class)
                .hasMessageContaining("RESOURCE_EXHAUSTED");

        assertThat(source.status().idleChunks()).isEqualTo(4);
        assertThat(destination.status().freeSlots())
                .isEqualTo(destination.status().slots());
        assertThat(destination.status().lentLeases()).isZero();
    }

    @Test
    void pinsClearsAndQuestionsAreOrdersToo() {
        KvNode node = bed.open("node");
        node.put(prompt(3), NodeBed::fill);
        ChunkKeys first = node.keys(prompt(1));

        assertThat(order(node, new OrderAction.Pin(first, Duration.ofSeconds(30))))
                .isEqualTo(OrderResult.done(1));
        assertThat(order(node, new OrderAction.Pin(node.keys(prompt(4)), Duration.ofSeconds(30)))
                        .code())
                .isEqualTo(TransferErrorCode.NOT_FOUND);
        assertThat(order(node, new OrderAction.Clear(Optional.of(Tier.DISK)))).isEqualTo(OrderResult.done(0));
        assertThat(order(node, new OrderAction.Clear(Optional.empty()))).isEqualTo(OrderResult.done(2));
        assertThat(order(node, new OrderAction.QueryNode()).details())
                .containsEntry("chunks", "1")
                .containsEntry("chunks.pinned", "1");
        assertThat(order(node, new OrderAction.Health()).details()).containsKey("backend.inprocess");
        assertThat(order(node, new OrderAction.Unpin(first))).isEqualTo(OrderResult.done(1));
        assertThat(order(node, new OrderAction.Clear(Optional.of(Tier.HOST)))).isEqualTo(OrderResult.done(1));
        assertThat(bed.directory.stats("node").usedBytes()).isZero();
    }

    @Test
    void whatAPeerSendsIsCheckedBeforeItIsBelieved() {
        KvNode node = bed.open("node");
        KvNode peer = bed.open("peer");
        node.put(prompt(1), NodeBed::fill);
        byte[] good = new ChunkRequest(TransferId.random(), node.scheme(), node.keys(prompt(1)), 1_000_000_000)
                .payload()
                .toByteArray();

        for (String topic : List.of(ChunkRequest.LEND, ChunkRequest.TAKE)) {
            for (int length = 0; length < good.length; length++) {
                Payload cut = new Payload(Arrays.copyOf(good, length));
                assertThatThrownBy(() -> peer.engine().notify(node.address(), topic, cut, bed.in(5)))
                        .isInstanceOfSatisfying(
                                TransferException.class,
                                e -> assertThat(e.code())
                                        .isIn(TransferErrorCode.PROTOCOL_ERROR, TransferErrorCode.INCOMPATIBLE_PEER));
            }
        }
        assertThat(node.status().lentLeases()).isZero();
        try (KvFetch fetch = peer.fetch(prompt(1), bed.in(5))) {
            assertThat(fetch.miss()).isEmpty();
        }
    }

    private static void fill(KvWrite write, int layer) {
        for (int chunk = 0; chunk < write.chunks(); chunk++) {
            NodeBed.fill(layer, chunk, write.layer(chunk, layer));
        }
    }

    private OrderResult order(KvNode node, OrderAction action) {
        return bed.directory.orders(node.identity().nodeId()).handle(new NodeOrder("order", action), bed.in(30));
    }

    private OrderAction move(KvNode source, KvNode destination, boolean keepSource) {
        return new OrderAction.Move(
                source.keys(prompt(4)),
                destination.identity(),
                Map.of(NodeRegistration.PEER_CONTROL, destination.address().toString()),
                keepSource);
    }
}
