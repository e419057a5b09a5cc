package io.kvferry.node;

import static io.kvferry.node.NodeBed.prompt;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.groups.Tuple.tuple;

import io.kvferry.conformance.Await;
import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.NodeRegistration;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a node finds, where, and what it says when it does not. */
class KvNodeTest {
    private static final Duration HOLDER_TIMEOUT = NodeConfigKeys.HOLDER_TIMEOUT.defaultValue();

    private final NodeBed bed = new NodeBed();

    @AfterEach
    void close() {
        bed.close();
    }

    @Test
    void whatOneNodePutsAnotherFetchesByteForByte() {
        KvNode prefill = bed.open("prefill");
        KvNode decode = bed.open("decode");
        PutResult put = prefill.put(prompt(3), NodeBed::fill);

        try (KvFetch fetch = decode.fetch(prompt(3), bed.in(10))) {
            assertThat(fetch.miss()).isEmpty();
            assertThat(fetch.chunks().size()).isEqualTo(3);
            assertThat(NodeBed.isRight(fetch.chunks())).isTrue();
            assertThat(fetch.figures().fetchedTokens()).isEqualTo(12);
            assertThat(fetch.figures().fetchedBytes()).isEqualTo(3 * NodeBed.LAYOUT.chunkBytes(NodeBed.CHUNK));
        }
        assertThat(put).isEqualTo(new PutResult(12, 12, 0, 0));
        assertThat(bed.directory.held("decode"))
                .as("what was fetched is published")
                .isEqualTo(3);
        Await.until("the lease has ended", () -> prefill.status().lentLeases() == 0);
        assertThat(prefill.status().idleChunks()).isEqualTo(3);
    }

    @Test
    void whatIsHereIsNotFetchedAgain() {
        KvNode prefill = bed.open("prefill");
        KvNode decode = bed.open("decode");
        prefill.put(prompt(3), NodeBed::fill);
        decode.put(prompt(1), NodeBed::fill);

        try (KvFetch fetch = decode.fetch(prompt(3), bed.in(10))) {
            assertThat(fetch.figures().localTokens()).isEqualTo(4);
            assertThat(fetch.figures().fetchedTokens()).isEqualTo(8);
            assertThat(NodeBed.isRight(fetch.chunks())).isTrue();
        }
        try (KvFetch again = decode.fetch(prompt(3), bed.in(10))) {
            assertThat(again.figures().localTokens()).isEqualTo(12);
            assertThat(again.figures().transfers()).isZero();
        }
    }

    @Test
    void aPrefixIsPutTogetherFromSeveralHolders() {
        KvNode first = bed.open("first");
        KvNode second = bed.open("second");
        KvNode decode = bed.open("decode");
        first.put(prompt(2), NodeBed::fill);
        second.put(prompt(4), NodeBed::fill);
        ChunkKeys all = keys(second, 4);
        // it holds all four and is known for the last two only
        bed.directory.forget("second", all.slice(0, 2));

        try (KvFetch fetch = decode.fetch(prompt(4), bed.in(10))) {
            assertThat(fetch.miss()).isEmpty();
            assertThat(fetch.figures().transfers()).isEqualTo(2);
            assertThat(NodeBed.isRight(fetch.chunks())).isTrue();
        }
    }

    @Test
    void tokensAfterTheLastWholeChunkAreMissedAndCounted() {
        KvNode node = bed.open("node");
        int[] tokens = Arrays.copyOf(prompt(3), 10);

        assertThat(node.put(tokens, NodeBed::fill)).isEqualTo(new PutResult(10, 8, 0, 2));
        assertThat(node.put(tokens, NodeBed::fill)).isEqualTo(new PutResult(10, 0, 8, 2));
        try (KvFetch fetch = node.fetch(tokens, bed.in(10))) {
            assertThat(fetch.miss()).as("all whole chunks are here").isEmpty();
            assertThat(fetch.figures().missedTokens()).isEqualTo(2);
        }
        KvCounters counters = node.status().counters();
        assertThat(counters.localTokens() + counters.fetchedTokens() + counters.missedTokens())
                .isEqualTo(counters.requestedTokens())
                .isEqualTo(10);
    }

    @Test
    void whatNobodyHoldsIsATypedMiss() {
        KvNode node = bed.open("node");

        assertThat(miss(node, prompt(1)).reason()).isEqualTo(MissReason.NOT_HELD);
        bed.directory.complete = false;
        assertThat(miss(node, prompt(1)).reason()).isEqualTo(MissReason.INDEX_INCOMPLETE);
        bed.directory.gone = true;
        Miss gone = miss(node, prompt(1));
        assertThat(gone.reason()).isEqualTo(MissReason.NO_CONTROLLER);
        assertThat(gone.detail()).contains("CONNECTION_FAILED");
    }

    @Test
    void whenTheBestHolderHasLostItTheNextOneIsAsked() {
        KvNode liar = bed.open("a-liar");
        KvNode holder = bed.open("holder");
        KvNode decode = bed.open("decode");
        holder.put(prompt(2), NodeBed::fill);
        bed.directory.claim("a-liar", keys(liar, 2));

        try (KvFetch fetch = decode.fetch(prompt(2), bed.in(10))) {
            assertThat(fetch.miss()).isEmpty();
            assertThat(fetch.figures().transfers()).isEqualTo(2);
            assertThat(NodeBed.isRight(fetch.chunks())).isTrue();
        }
    }

    @Test
    void whenAllHoldersFailTheMissNamesEachWithItsError() {
        KvNode liar = bed.open("liar");
        KvNode decode = bed.open("decode");
        bed.directory.claim("liar", keys(liar, 2));

        try (KvFetch fetch = decode.fetch(prompt(2), bed.in(10))) {
            assertThat(fetch.miss().orElseThrow().reason()).isEqualTo(MissReason.HOLDERS_FAILED);
            assertThat(fetch.failures())
                    .extracting(HolderFailure::holder, HolderFailure::code)
                    .containsExactly(tuple(liar.identity(), TransferErrorCode.NOT_FOUND));
        }
        assertThat(decode.status().freeSlots())
                .as("nothing is left reserved")
                .isEqualTo(decode.status().slots());
    }

    @Test
    void aFrozenHolderCostsItsTimeoutAndTheNextOneIsAsked() {
        KvNode frozen = bed.open("a-frozen");
        KvNode holder = bed.open("holder");
        KvNode decode = bed.open("decode");
        frozen.put(prompt(2), NodeBed::fill);
        holder.put(prompt(2), NodeBed::fill);
        bed.network.freeze(frozen.address());

        CompletableFuture<KvFetch> fetching = Await.start(() -> decode.fetch(prompt(2), bed.in(60)));
        Await.until("the frozen one is asked", () -> bed.requests() > 0);
        bed.ticker.advance(HOLDER_TIMEOUT);

        try (KvFetch fetch = Await.get("fetch", fetching)) {
            assertThat(fetch.miss()).isEmpty();
            assertThat(NodeBed.isRight(fetch.chunks())).isTrue();
            assertThat(fetch.failures())
                    .extracting(HolderFailure::holder, HolderFailure::code)
                    .containsExactly(tuple(frozen.identity(), TransferErrorCode.DEADLINE_EXCEEDED));
        }
        assertThat(decode.status().counters().failedHolders()).isEqualTo(1);
        bed.network.thaw(frozen.address());
    }

    @Test
    void aTransferThatStandsStillIsGivenUpAndEachLayerIsToldOnce() {
        KvNode first = bed.open("a-first");
        KvNode second = bed.open("second");
        KvNode decode = bed.open("decode");
        first.put(prompt(2), NodeBed::fill);
        second.put(prompt(2), NodeBed::fill);
        List<String> told = new CopyOnWriteArrayList<>();
        bed.backend.stallNext(3);

        CompletableFuture<KvFetch> fetching = Await.start(() -> decode.fetch(
                prompt(2),
                bed.in(60),
                (layer, chunk, block) -> told.add(layer + "/" + chunk + " " + NodeBed.isRight(layer, chunk, block))));
        Await.until("three blocks are there", bed.backend::standsStill);
        // once to see that it has moved, once to see that it has not since
        bed.ticker.advance(HOLDER_TIMEOUT.multipliedBy(2));

        try (KvFetch fetch = Await.get("fetch", fetching)) {
            assertThat(fetch.miss()).isEmpty();
            assertThat(fetch.figures().transfers()).isEqualTo(2);
            assertThat(NodeBed.isRight(fetch.chunks())).isTrue();
        }
        assertThat(told).containsExactlyInAnyOrder("0/0 true", "0/1 true", "1/0 true", "1/1 true");
    }

    @Test
    void aDeadlineEndsAFetchWithWhatItHas() {
        KvNode holder = bed.open("holder");
        KvNode decode = bed.open("decode");
        holder.put(prompt(3), NodeBed::fill);
        decode.put(prompt(1), NodeBed::fill);
        bed.backend.stallNext(0);

        CompletableFuture<KvFetch> fetching = Await.start(() -> decode.fetch(prompt(3), bed.in(1)));
        Await.until("it is submitted", bed.backend::standsStill);
        bed.ticker.advance(Duration.ofSeconds(1));

        try (KvFetch fetch = Await.get("fetch", fetching)) {
            assertThat(fetch.chunks().size()).isEqualTo(1);
            assertThat(fetch.miss()).isPresent();
            assertThat(fetch.failures()).hasSize(1);
        }
        Await.advancing(
                "the slots are given back once quiet",
                bed.ticker,
                Duration.ofMillis(100),
                () -> decode.status().freeSlots() == decode.status().slots() - 1);
    }

    @Test
    void aRestartedHolderIsNoHolder() {
        KvNode holder = bed.open("holder");
        KvNode decode = bed.open("decode");
        holder.put(prompt(1), NodeBed::fill);
        bed.directory.move(
                "holder", NodeRegistration.of(new PeerIdentity("holder", 1), "nowhere.fake:9", holder.scheme()));

        KvFetch fetch = Await.call("fetch", () -> decode.fetch(prompt(1), bed.in(10)));

        assertThat(fetch.miss().orElseThrow().reason()).isEqualTo(MissReason.HOLDERS_FAILED);
        assertThat(fetch.failures().getFirst().code())
                .isIn(TransferErrorCode.CONNECTION_FAILED, TransferErrorCode.CONTROL_FAILED);
        fetch.close();
    }

    @Test
    void nodesOfAnotherModelAreIncompatible() {
        KvNode holder = bed.open("holder", Map.of("kvferry.kv.model", "one"));
        KvNode decode = bed.open("decode", Map.of("kvferry.kv.model", "another"));
        bed.directory.claim("holder", keys(decode, 1));

        try (KvFetch fetch = decode.fetch(prompt(1), bed.in(10))) {
            assertThat(fetch.failures().getFirst().code()).isEqualTo(TransferErrorCode.INCOMPATIBLE_PEER);
            assertThat(fetch.failures().getFirst().detail())
                    .contains(holder.scheme().toString());
        }
    }

    @Test
    void whatIsLentIsNotEvicted() {
        KvNode holder = bed.open("holder");
        KvNode decode = bed.open("decode");
        holder.put(prompt(8), NodeBed::fill);
        int slots = holder.status().slots();
        bed.backend.stallNext(1);
        CompletableFuture<KvFetch> fetch = Await.start(() -> decode.fetch(prompt(8), bed.in(60)));
        Await.until("the holder lends", () -> holder.status().lentLeases() == 1);

        PutResult put = holder.put(IntStream.range(5000, 5000 + slots * 4).toArray(), NodeBed::fill);

        assertThat(put.storedTokens()).isEqualTo((slots - 8) * 4);
        assertThat(holder.lookup(prompt(8), bed.in(1)).localTokens()).isEqualTo(32);
        Await.advancing("the fetch ends", bed.ticker, Duration.ofMillis(100), fetch::isDone);
        Await.get("fetch", fetch).close();
    }

    @Test
    void aFetchWithoutRoomSaysSo() {
        KvNode holder = bed.open("holder");
        KvNode decode = bed.open("decode", Map.of("kvferry.kv.pool-size", "8KiB"));
        holder.put(prompt(4), NodeBed::fill);

        try (KvFetch fetch = decode.fetch(prompt(4), bed.in(10))) {
            assertThat(fetch.chunks().size()).isEqualTo(decode.status().slots());
            assertThat(fetch.miss().orElseThrow().reason()).isEqualTo(MissReason.NO_ROOM);
        }
    }

    @Test
    void twoThatFetchTheSameMoveItOnce() {
        KvNode holder = bed.open("holder");
        KvNode decode = bed.open("decode");
        holder.put(prompt(4), NodeBed::fill);

        List<CompletableFuture<KvFetch>> fetches = IntStream.range(0, 8)
                .mapToObj(i -> Await.start(() -> decode.fetch(prompt(4), bed.in(10))))
                .toList();
        fetches.forEach(fetch -> {
            try (KvFetch result = Await.get("fetch", fetch)) {
                assertThat(result.figures().hitTokens()).isEqualTo(16);
                assertThat(NodeBed.isRight(result.chunks())).isTrue();
            }
        });

        assertThat(decode.status().counters().fetchedTokens()).isEqualTo(16);
        assertThat(decode.status().counters().localTokens()).isEqualTo(7 * 16);
    }

    @Test
    void anInterruptedFetchStopsAndLeavesNothingReserved() {
        KvNode holder = bed.open("holder");
        KvNode decode = bed.open("decode", Map.of("kvferry.kv.holder-timeout", "1h"));
        holder.put(prompt(2), NodeBed::fill);
        bed.backend.stallNext(0);
        CompletableFuture<Thread> caller = new CompletableFuture<>();
        CompletableFuture<KvFetch> fetch = Await.start(() -> {
            caller.complete(Thread.currentThread());
            return decode.fetch(prompt(2), bed.in(60));
        });
        Await.until("it is under way", () -> holder.status().lentLeases() == 1);

        Await.get("its thread", caller).interrupt();

        Await.until("it has stopped", fetch::isDone);
        assertThatThrownBy(fetch::join).hasMessageContaining("CANCELLED");
        Await.until(
                "the slots are free again",
                () -> decode.status().freeSlots() == decode.status().slots());
    }

    @Test
    void aLookupMovesNothingAndCountsHitsAndMissesTogether() {
        KvNode holder = bed.open("holder");
        KvNode decode = bed.open("decode");
        holder.put(prompt(2), NodeBed::fill);

        assertThat(decode.lookup(prompt(3), bed.in(1))).isEqualTo(new KvLookup(12, 0, 8, true));
        assertThat(decode.status().chunks()).isZero();
        assertThat(decode.status().counters().lookupHitTokens()).isEqualTo(8);
        assertThat(decode.status().counters().lookupTokens()).isEqualTo(12);
    }

    @Test
    void aPoolWithoutRoomForAChunkIsRefusedWithTheKey() {
        assertThatThrownBy(() -> bed.open("small", Map.of("kvferry.kv.pool-size", "4KiB", "kvferry.kv.layers", "64")))
                .isInstanceOf(TransferException.class)
                .hasMessageContaining("kvferry.kv.pool-size");
    }

    @Test
    void aClosedNodeHasSaidGoodbyeAndRefusesEverything() {
        KvNode node = bed.open("node");

        node.close(bed.in(10));

        assertThat(bed.directory.left()).containsExactly("node");
        assertThatThrownBy(() -> node.fetch(prompt(1), bed.in(1))).hasMessageContaining("SHUTTING_DOWN");
    }

    private Miss miss(KvNode node, int[] tokens) {
        try (KvFetch fetch = node.fetch(tokens, bed.in(10))) {
            return fetch.miss().orElseThrow();
        }
    }

    private static ChunkKeys keys(KvNode node, int chunks) {
        return node.keys(prompt(chunks));
    }
}
