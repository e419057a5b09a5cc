package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.FaultPlan.Action;
import io.kvferry.engine.EngineStatus;
import io.kvferry.engine.Lease;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferRequest;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * What was used is given back.
 *
 * @since 0.1.0
 */
@Tag("leak")
public abstract class LeakConformanceTest extends ConformanceSuite {
    private static final Set<String> SHARED_THREADS =
            Set.of("Reference Handler", "Finalizer", "Signal Dispatcher", "Common-Cleaner", "Attach Listener");

    /**
     * Makes the suite.
     *
     * @param harness what is tested
     */
    protected LeakConformanceTest(BackendHarness harness) {
        super(harness);
    }

    /** After many transfers of every outcome nothing is in hand. */
    @Test
    public final void required_R20_7_nothingStaysInHand() {
        Layout layout = pages(Operation.WRITE);
        // a backend may keep timers of its own once it is connected
        for (int i = 0; i < 10; i++) {
            bed().move(Operation.WRITE, layout.sourceBlocks(), layout.destinationBlocks());
        }
        Await.until(
                "the first transfers are over",
                () -> isIdle(bed().target().engine().status()));
        int timers = bed().ticker().pendingTasks();
        for (int i = 0; i < 150; i++) {
            TransferId id = TransferId.random();
            if (i % 5 == 1) {
                bed().initiator().faults().onNext("io", Action.refuse(TransferErrorCode.TRANSFER_FAILED));
            }
            Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
            Transfer transfer = bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
            if (i % 5 != 2) {
                transfer.submit();
                bed().result(transfer);
            }
            transfer.finish();
            if (i % 5 == 1) {
                lease.revoke();
            }
            bed().result(lease);
        }
        for (Node node : bed().nodes()) {
            Await.until(
                    () -> "nothing in hand, is " + node.engine().status(),
                    () -> isIdle(node.engine().status()));
            assertThat(node.watch().held()).hasSize(1);
        }
        Await.until(
                () -> "no timer is left: " + bed().ticker().pendingTasks() + ", were " + timers,
                () -> bed().ticker().pendingTasks() <= timers);
        assertThat(layout.source().isInUse()).isFalse();
        assertThat(layout.destination().isInUse()).isFalse();
    }

    private static boolean isIdle(EngineStatus status) {
        return status.transfers().isEmpty()
                && status.leases() == 0
                && status.quarantinedTransfers() == 0
                && status.quarantinedBytes() == 0;
    }

    /** Tombstones are bounded: the oldest go. */
    @Test
    public final void required_R17_4_tombstonesAreBounded() {
        open(Map.of("kvferry.max-tombstones", "16"));
        Layout layout = pages(Operation.WRITE);
        for (int i = 0; i < 40; i++) {
            bed().move(Operation.WRITE, layout.sourceBlocks(), layout.destinationBlocks());
        }
        assertThat(bed().target().engine().status().tombstones()).isBetween(1, 16);
    }

    /** An end that its initiator may ask for is remembered until then; where no more can be, PREPARE is refused. */
    @Test
    public final void required_R17_6_endsThatMayBeAskedForAreKept() {
        open(Map.of("kvferry.max-tombstones", "8"));
        Layout layout = pages(Operation.WRITE);
        List<TransferId> ended = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            PeerIdentity node = new PeerIdentity("stranger-" + i, 1);
            PeerControl stranger = bed().stranger(node);
            ended.addAll(List.of(TransferId.random(), TransferId.random()));
            ended.subList(2 * i, 2 * i + 2).forEach(id -> ask(stranger, finish(id, node)));
            assertFails(TransferErrorCode.RESOURCE_EXHAUSTED, () -> ask(stranger, finish(TransferId.random(), node)));
        }
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        TransferException full = assertFails(
                TransferErrorCode.RESOURCE_EXHAUSTED,
                () -> bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks()));
        lease.revoke();
        assertThat(full.getMessage()).contains("kvferry.max-tombstones");
        PeerIdentity first = new PeerIdentity("stranger-0", 1);
        assertThat(ask(bed().stranger(first), finish(ended.getFirst(), first)).outcome())
                .as("the first end is remembered still")
                .isEqualTo(TransferState.CANCELLED);
        bed().ticker().advance(Duration.ofSeconds(60));
        bed().move(Operation.WRITE, layout.sourceBlocks(), layout.destinationBlocks());
        assertThat(bed().target().engine().status().tombstones()).isBetween(1, 8);
    }

    private static PeerRequest.Finish finish(TransferId id, PeerIdentity self) {
        return new PeerRequest.Finish(id, 1, self, 0, TransferState.TIMED_OUT, 0, 0);
    }

    /** PREPAREs that wait for their offers are bounded in what they hold, too. */
    @Test
    public final void required_R17_7_waitingPreparesAreBoundedInBytes() {
        open(Map.of("kvferry.max-waiting-prepare-bytes", "64KiB"));
        Memory memory = bed().initiator().memory(2_000);
        BlockList many = BlockList.uniform(memory.region(), 0, 0, 1, 2_000);
        TransferException refusal = assertFails(
                TransferErrorCode.RESOURCE_EXHAUSTED,
                () -> bed().initiator().prepare(TransferId.random(), Operation.WRITE, bed().target(), many));
        assertThat(refusal.getMessage()).contains("kvferry.max-waiting-prepare-bytes=65536");
        assertThat(bed().target().engine().status().waitingPrepares()).isZero();
        TransferRequest few =
                bed().initiator().request(TransferId.random(), Operation.WRITE, bed().target(), many.select(1, 2, 3));
        CompletableFuture<Transfer> call = Await.start(() -> bed().initiator().prepare(few));
        Await.until("it waits", () -> bed().target().engine().status().waitingPrepares() == 1);
        // more than once: it is counted a moment before its timer is set
        Await.advancing("its time is up", bed().ticker(), Duration.ofSeconds(10), call::isDone);
        assertFails(TransferErrorCode.NOT_FOUND, () -> Await.get("the refusal", call));
    }

    private <R extends PeerReply> R ask(PeerControl stranger, PeerRequest<R> request) {
        return Await.get("the target's answer", stranger.call(bed().target().address(), request, bed().far()));
    }

    /** Threads, descriptors and direct memory are back where they were once engines are closed. */
    @Test
    public final void required_R20_8_closedEnginesLeaveNoThreadDescriptorOrMemory() {
        cycle();
        Set<Thread> threads = threads();
        long descriptors = descriptors();
        long direct = directBytes();
        for (int i = 0; i < 3; i++) {
            cycle();
        }
        Await.until(
                () -> "threads end, left are " + left(threads),
                () -> left(threads).isEmpty());
        Await.until(
                () -> "descriptors are closed: " + descriptors() + ", were " + descriptors,
                () -> descriptors() <= descriptors);
        assertThat(directBytes()).isLessThanOrEqualTo(direct + (1 << 20));
    }

    private void cycle() {
        Bed fresh = new Bed(harness());
        for (Operation operation : BOTH) {
            Layout layout = Layout.on(fresh, operation, 65_536, 16, 1);
            fresh.move(operation, layout.local(operation), layout.remote(operation));
        }
        fresh.nodes().forEach(node -> assertThat(node.close().isClean()).isTrue());
        fresh.nodes().forEach(node -> assertThat(node.watch().held()).isEmpty());
    }

    private static Set<Thread> threads() {
        return new HashSet<>(Thread.getAllStackTraces().keySet());
    }

    /** Threads that have come since, apart from the JVM's own, which live as long as the process. */
    private static List<String> left(Set<Thread> before) {
        return threads().stream()
                .filter(thread -> !before.contains(thread) && thread.isAlive())
                .map(Thread::getName)
                .filter(name -> !SHARED_THREADS.contains(name)
                        && !name.startsWith("ForkJoinPool")
                        && !name.startsWith("VirtualThread")
                        && !name.startsWith("junit")
                        && !name.contains("JFR")
                        && !name.contains("Compiler"))
                .toList();
    }

    private static long descriptors() {
        try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
            return open.count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static long directBytes() {
        return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(pool -> pool.getName().equals("direct"))
                .mapToLong(BufferPoolMXBean::getMemoryUsed)
                .sum();
    }
}
