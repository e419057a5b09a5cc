package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.FaultPlan.Action;
import io.kvferry.engine.Lease;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferListener;
import io.kvferry.engine.TransferReport;
import io.kvferry.engine.TransferRequest;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A transfer is submitted in parts, and its parts are seen as they arrive.
 *
 * @since 0.1.0
 */
@Tag("parts")
public abstract class PartsConformanceTest extends ConformanceSuite {
    /**
     * Makes the suite.
     *
     * @param harness what is tested
     */
    protected PartsConformanceTest(BackendHarness harness) {
        super(harness);
    }

    /** A transfer is submitted layer by layer; each layer can be used at the target as soon as it is there. */
    @Test
    public final void required_R15_7_partIsUsableOnceAppliedWhileOthersAreMissing() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        Transfer transfer = bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        for (int layer = 0; layer < 4; layer++) {
            BlockRange blocks = new BlockRange(layer * 4, 4);
            transfer.submit(blocks);
            assertThat(Await.call("layer " + layer, () -> lease.awaitApplied(blocks, bed().far())))
                    .isTrue();
            long at = blocks.first() * 4096L;
            Layout.assertSame(
                    "layer " + layer,
                    Layout.copyOf(layout.source(), at, 4 * 4096),
                    Layout.copyOf(layout.destination(), at, 4 * 4096));
            if (layer < 3) {
                assertThat(transfer.result()).as("while layers are missing").isEmpty();
            }
        }
        bed().result(transfer).orThrow();
        transfer.finish();
        bed().result(lease).orThrow();
        layout.assertMoved();
    }

    /** Parts of one block each come in any order, from many threads. */
    @Test
    public final void required_R6_3_partsComeInAnyOrderFromManyThreads() {
        for (Operation operation : BOTH) {
            Layout layout = Layout.on(bed(), operation, 1000, 256, 5);
            TransferId id = TransferId.random();
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            Transfer transfer = bed().initiator().prepare(id, operation, bed().target(), layout.local(operation));
            List<Integer> positions =
                    new ArrayList<>(IntStream.range(0, 256).boxed().toList());
            Collections.shuffle(positions, random());
            List<CompletableFuture<Boolean>> parts = positions.stream()
                    .map(position -> Await.start(() -> {
                        transfer.submit(new BlockRange(position, 1));
                        return true;
                    }))
                    .toList();
            parts.forEach(part -> Await.get("submit of a part", part));
            bed().result(transfer).orThrow();
            transfer.finish();
            bed().result(lease).orThrow();
            layout.assertMoved();
        }
    }

    /** A gap between parts counts against the transfer's deadline. */
    @Test
    public final void required_R1_1_gapBetweenPartsCountsAgainstTheDeadline() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            Transfer transfer = bed().initiator()
                    .prepare(bed().initiator()
                            .request(id, operation, bed().target(), layout.local(operation))
                            .deadline(bed().in(Duration.ofSeconds(5))));
            transfer.submit(new BlockRange(0, 8));
            Await.until("the first part", () -> transfer.status().blocksDone() == 8);
            bed().ticker().advance(Duration.ofSeconds(5));
            assertThat(bed().result(transfer)).isInstanceOf(TransferResult.TimedOut.class);
            assertFails(TransferErrorCode.INVALID_REQUEST, () -> transfer.submit(new BlockRange(8, 8)));
            lease.revoke();
        }
    }

    /** The first part that fails fails the transfer and seals it. */
    @Test
    public final void required_R6_4_failedPartSealsTheTransfer() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        bed().initiator().faults().on("io", 2, Action.refuse(TransferErrorCode.TRANSFER_FAILED));
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        Transfer transfer = bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        transfer.submit(new BlockRange(0, 4));
        transfer.submit(new BlockRange(4, 4));
        assertThat(bed().result(transfer)).isInstanceOf(TransferResult.Failed.class);
        assertFails(TransferErrorCode.INVALID_REQUEST, () -> transfer.submit(new BlockRange(8, 8)));
        assertThat(lease.result()).as("the lease waits for the next attempt").isEmpty();
        TransferRequest again = bed().initiator().request(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        complete(prepareOnceQuiescent(again.attempt(2)), lease, layout);
    }

    /** A listener hears of every block exactly once, and of the end after that. */
    @Test
    public final void required_R19_4_listenerHearsEveryBlockOnceAndThenTheEnd() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            List<String> heard = new CopyOnWriteArrayList<>();
            BitSet applied = new BitSet();
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            Transfer transfer = bed().initiator()
                    .prepare(bed().initiator()
                            .request(id, operation, bed().target(), layout.local(operation))
                            .listener(new TransferListener() {
                                @Override
                                public void applied(TransferId transferId, BlockRange blocks) {
                                    if (applied.get(blocks.first(), blocks.end())
                                                    .cardinality()
                                            > 0) {
                                        heard.add("twice: " + blocks);
                                    }
                                    applied.set(blocks.first(), blocks.end());
                                }

                                @Override
                                public void ended(TransferReport report) {
                                    heard.add("ended after " + applied.cardinality() + " blocks");
                                }
                            }));
            for (int i = 0; i < 16; i += 2) {
                transfer.submit(new BlockRange(i, 2));
            }
            bed().result(transfer).orThrow();
            transfer.finish();
            bed().result(lease).orThrow();
            Await.until("the end is told", () -> !heard.isEmpty());
            assertThat(heard).containsExactly("ended after 16 blocks");
        }
    }

    /** Waiting for blocks of a lease ends with the lease, and at its own deadline without ending the lease. */
    @Test
    public final void required_R1_2_waitingForAPartIsBounded() {
        Layout layout = pages(Operation.WRITE);
        Lease lease = bed().target().offer(TransferId.random(), Operation.WRITE, layout.destinationBlocks());
        BlockRange all = new BlockRange(0, 16);
        int timers = bed().ticker().pendingTasks();
        CompletableFuture<Boolean> bounded =
                Await.start(() -> lease.awaitApplied(all, bed().in(Duration.ofSeconds(1))));
        CompletableFuture<Boolean> patient = Await.start(() -> lease.awaitApplied(all, bed().far()));
        Await.until("both wait", () -> bed().ticker().pendingTasks() == timers + 2);
        bed().ticker().advance(Duration.ofSeconds(1));
        assertThat(Await.get("the bounded wait", bounded)).isFalse();
        assertThat(lease.result()).isEmpty();
        assertThat(patient).isNotDone();
        lease.revoke();
        assertThat(Await.get("the wait for a lease that ended", patient)).isFalse();
    }
}
