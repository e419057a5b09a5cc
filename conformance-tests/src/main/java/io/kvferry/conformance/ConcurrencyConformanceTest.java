package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.engine.Lease;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferRequest;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Many callers, many transfers, both directions: none waits for another, none disturbs another.
 *
 * @since 0.1.0
 */
@Tag("concurrency")
public abstract class ConcurrencyConformanceTest extends ConformanceSuite {
    /**
     * Makes the suite.
     *
     * @param harness what is tested
     */
    protected ConcurrencyConformanceTest(BackendHarness harness) {
        super(harness);
    }

    /** Sixty-four threads move, fetch and cancel, in both directions at once; every byte is right. */
    @Test
    public final void stochastic_R14_2_manyThreadsMoveInBothDirections() {
        List<CompletableFuture<Integer>> threads = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            Node from = i % 2 == 0 ? bed().initiator() : bed().target();
            Node to = i % 2 == 0 ? bed().target() : bed().initiator();
            Memory here = from.memory(64 * 1024);
            Memory there = to.memory(64 * 1024);
            Random random = new Random(random().nextLong() + i);
            threads.add(Await.start(() -> work(from, to, here, there, random)));
        }
        int moved = threads.stream()
                .mapToInt(thread -> Await.get("a thread's work", thread))
                .sum();
        assertThat(moved).isGreaterThan(64);
    }

    private int work(Node from, Node to, Memory here, Memory there, Random random) {
        int moved = 0;
        for (int round = 0; round < 10; round++) {
            Operation operation = BOTH.get(random.nextInt(2));
            Layout layout = Layout.random(
                    side(operation, here, there, true),
                    side(operation, here, there, false),
                    1 + random.nextInt(40),
                    random);
            TransferId id = TransferId.random();
            boolean cancel = random.nextInt(4) == 0;
            try (Lease lease = to.engine().offer(Node.request(id, operation, layout.remote(operation)), bed().far());
                    Transfer transfer = from.engine()
                            .prepare(from.request(id, operation, to, layout.local(operation)), bed().far())) {
                transfer.submit();
                if (cancel) {
                    transfer.cancel();
                }
                TransferResult result = transfer.await(bed().far());
                transfer.finish();
                lease.await(bed().far());
                if (result instanceof TransferResult.Completed) {
                    layout.assertMoved();
                    moved++;
                } else if (!cancel) {
                    throw new AssertionError("nobody asked for this end: " + result);
                }
                Await.until(
                        "both sides are quiescent",
                        () -> transfer.memory() == Quiescence.QUIESCENT && lease.memory() == Quiescence.QUIESCENT);
            }
        }
        return moved;
    }

    /** Large transfers run both ways at the same time and do not wait for each other. */
    @Test
    public final void required_R14_3_bothDirectionsAtOnce() {
        Layout there = Layout.on(bed(), Operation.WRITE, 1 << 20, 16, 1);
        Layout back = Layout.on(bed(), Operation.READ, 1 << 20, 16, 2);
        TransferId out = TransferId.random();
        TransferId home = TransferId.random();
        Lease outLease = bed().target().offer(out, Operation.WRITE, there.destinationBlocks());
        Lease homeLease = bed().initiator().offer(home, Operation.WRITE, back.destinationBlocks());
        Transfer sent = bed().initiator().prepare(out, Operation.WRITE, bed().target(), there.sourceBlocks());
        Transfer returned = bed().target().prepare(home, Operation.WRITE, bed().initiator(), back.sourceBlocks());
        sent.submit();
        returned.submit();
        bed().result(sent).orThrow();
        bed().result(returned).orThrow();
        sent.finish();
        returned.finish();
        bed().result(outLease).orThrow();
        bed().result(homeLease).orThrow();
        there.assertMoved();
        back.assertMoved();
    }

    /** A peer that does not answer delays nobody else. */
    @Test
    public final void required_R14_4_frozenPeerDelaysNoOther() {
        Node frozen = bed().open("frozen", new Watch(), Map.of());
        Layout layout = pages(Operation.WRITE);
        Memory memory = frozen.memory(64 * 1024);
        BlockList remote = BlockList.uniform(memory.region(), 0, 0, 4096, 16);
        bed().move(bed().initiator(), frozen, Operation.WRITE, layout.sourceBlocks(), remote);
        bed().network().freeze(frozen.address());
        List<CompletableFuture<Transfer>> stuck = new ArrayList<>();
        int timers = bed().ticker().pendingTasks();
        for (int i = 0; i < 32; i++) {
            TransferRequest request =
                    bed().initiator().request(TransferId.random(), Operation.WRITE, frozen, layout.sourceBlocks());
            stuck.add(Await.start(() -> bed().initiator().engine().prepare(request, bed().in(Duration.ofSeconds(1)))));
        }
        Await.until("all of them wait", () -> bed().ticker().pendingTasks() >= timers + 32);
        for (int i = 0; i < 10; i++) {
            bed().move(Operation.WRITE, layout.sourceBlocks(), layout.destinationBlocks());
        }
        assertThat(stuck).noneMatch(CompletableFuture::isDone);
        bed().ticker().advance(Duration.ofSeconds(1));
        stuck.forEach(call ->
                assertFails(TransferErrorCode.DEADLINE_EXCEEDED, () -> Await.get("prepare with a frozen peer", call)));
        bed().network().thaw(frozen.address());
        bed().move(bed().initiator(), frozen, Operation.WRITE, layout.sourceBlocks(), remote);
    }

    /** Status answers at any moment of a transfer's life, from any thread, and never goes back. */
    @Test
    public final void required_R14_5_statusNeverWaitsAndNeverGoesBack() {
        for (Operation operation : BOTH) {
            Layout layout = Layout.on(bed(), operation, 256 * 1024, 64, 3);
            TransferId id = TransferId.random();
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            Transfer transfer = bed().initiator().prepare(id, operation, bed().target(), layout.local(operation));
            List<CompletableFuture<Integer>> watchers = IntStream.range(0, 4)
                    .mapToObj(i -> Await.start(() -> watch(transfer, lease)))
                    .toList();
            transfer.submit();
            bed().result(transfer).orThrow();
            watchers.forEach(
                    watcher -> assertThat(Await.get("a watcher", watcher)).isEqualTo(64));
            transfer.finish();
            bed().result(lease).orThrow();
        }
    }

    private int watch(Transfer transfer, Lease lease) {
        int blocks = 0;
        boolean ended = false;
        while (!ended) {
            ended = transfer.result().isPresent();
            TransferStatus status = transfer.status();
            if (status.blocksDone() < blocks || status.blocksDone() > status.blocksTotal()) {
                throw new AssertionError("status went from " + blocks + " blocks to " + status);
            }
            blocks = status.blocksDone();
            lease.status();
            bed().initiator().engine().status();
            Thread.onSpinWait();
        }
        return blocks;
    }

    /** Submit, cancel, finish, await and status of one transfer at the same time agree on one outcome. */
    @Test
    public final void stochastic_R6_11_verbsOfOneTransferMayMeet() {
        for (int round = 0; round < 40; round++) {
            Operation operation = BOTH.get(round % 2);
            Layout layout = Layout.on(bed(), operation, 4096, 16, round);
            TransferId id = TransferId.random();
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            Transfer transfer = bed().initiator().prepare(id, operation, bed().target(), layout.local(operation));
            List<CompletableFuture<?>> verbs = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                BlockRange range = new BlockRange(4 * i, 4);
                verbs.add(Await.start(() -> submitUnlessOver(transfer, range)));
            }
            CompletableFuture<TransferResult> wait = Await.start(() -> transfer.await(bed().far()));
            verbs.add(Await.start(() -> {
                transfer.cancel();
                return true;
            }));
            verbs.add(Await.start(() -> {
                transfer.finish();
                return true;
            }));
            verbs.forEach(verb -> Await.get("a verb", verb));
            TransferState first = Await.get("the wait", wait).state();
            transfer.finish();
            assertThat(first).isIn(TransferState.COMPLETED, TransferState.CANCELLED);
            assertThat(bed().result(transfer).state()).isEqualTo(first);
            assertThat(bed().result(lease).state()).isEqualTo(first);
            if (first == TransferState.COMPLETED) {
                layout.assertMoved();
            }
            Await.until(
                    "the memory is free",
                    () -> !layout.source().isInUse() && !layout.destination().isInUse());
            layout.source().close(bed().far());
            layout.destination().close(bed().far());
        }
    }

    private static boolean submitUnlessOver(Transfer transfer, BlockRange range) {
        try {
            transfer.submit(range);
            return true;
        } catch (TransferException e) {
            assertThat(e.code()).isEqualTo(TransferErrorCode.INVALID_REQUEST);
            return false;
        }
    }
}
