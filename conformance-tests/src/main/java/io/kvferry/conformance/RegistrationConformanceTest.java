package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.FaultPlan.Action;
import io.kvferry.engine.Lease;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Capability;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferId;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Memory is registered once, used by many transfers, and given back when nothing can touch it any more.
 *
 * @since 0.1.0
 */
@Tag("registration")
public abstract class RegistrationConformanceTest extends ConformanceSuite {
    /**
     * Makes the suite.
     *
     * @param harness what is tested
     */
    protected RegistrationConformanceTest(BackendHarness harness) {
        super(harness);
    }

    /** A region is registered with the backend once, however many transfers use it. */
    @Test
    public final void required_R14_1_regionIsRegisteredOnceForAllItsTransfers() {
        Layout layout = pages(Operation.WRITE);
        int before = bed().initiator().watch().calls("register");
        for (int i = 0; i < 20; i++) {
            bed().move(Operation.WRITE, layout.sourceBlocks(), layout.destinationBlocks());
        }
        try (Memory again = bed().initiator().engine().register(layout.source().region())) {
            assertThat(again.region()).isEqualTo(layout.source().region());
        }
        assertThat(bed().initiator().watch().calls("register")).isEqualTo(before);
        assertThat(bed().initiator().watch().calls("deregister")).isZero();
        bed().move(Operation.WRITE, layout.sourceBlocks(), layout.destinationBlocks());
        layout.source().close(bed().far());
        assertThat(bed().initiator().watch().calls("deregister")).isEqualTo(1);
    }

    /** Memory that the engine does not know is refused before a byte moves, on either side. */
    @Test
    public final void required_R18_2_unregisteredMemoryIsRefused() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        try (Arena arena = Arena.ofShared()) {
            MemoryRegion unknown = bed().target().can(Capability.HOST_MEMORY)
                    ? MemoryRegion.host(arena.allocate(65_536))
                    : MemoryRegion.cuda(0, 0x10_0000, 65_536);
            BlockList blocks = BlockList.uniform(unknown, 0, 0, 4096, 16);
            assertFails(
                    TransferErrorCode.MEMORY_NOT_REGISTERED,
                    () -> bed().target().offer(id, Operation.WRITE, blocks));
            try (Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks())) {
                assertFails(
                        TransferErrorCode.MEMORY_NOT_REGISTERED,
                        () -> bed().initiator().prepare(id, Operation.WRITE, bed().target(), blocks));
                assertThat(lease.result()).as("the lease goes on").isEmpty();
            }
        }
    }

    /** Memory in use is not given back before its last use has ended. */
    @Test
    public final void required_R4_3_memoryInUseStaysMapped() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            Gate gate = new Gate();
            bed().initiator().faults().onNext("submit", Action.freeze(gate));
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            Transfer transfer = bed().initiator().prepare(id, operation, bed().target(), layout.local(operation));
            transfer.submit();
            for (Memory memory : List.of(layout.source(), layout.destination())) {
                assertThat(memory.isInUse()).isTrue();
                assertFails(
                        TransferErrorCode.RESOURCE_EXHAUSTED,
                        () -> Await.call("close of memory in use", () -> {
                            memory.close(bed().in(Duration.ZERO));
                            return true;
                        }));
            }
            gate.open();
            bed().result(transfer).orThrow();
            transfer.finish();
            bed().result(lease).orThrow();
            Await.until(
                    "the memory is given back",
                    () -> !layout.source().isInUse() && !layout.destination().isInUse());
        }
    }

    /** Closing memory waits for a transfer that uses it, and returns when that has ended. */
    @Test
    public final void required_R20_1_closingMemoryWaitsForItsLastUse() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        Transfer transfer = bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        int timers = bed().ticker().pendingTasks();
        CompletableFuture<Boolean> closing = Await.start(() -> {
            layout.source().close(bed().far());
            return true;
        });
        Await.until("close waits", () -> bed().ticker().pendingTasks() > timers);
        assertThat(closing).isNotDone();
        transfer.finish();
        Await.get("close of the memory", closing);
        bed().result(lease);
    }

    /** What the backend refuses to register is refused to the caller with the same code, and nothing is kept. */
    @Test
    public final void required_R9_1_refusedRegistrationIsTheCallersError() {
        bed().initiator().faults().onNext("register", Action.refuse(TransferErrorCode.RESOURCE_EXHAUSTED));
        assertFails(
                TransferErrorCode.RESOURCE_EXHAUSTED, () -> bed().initiator().memory(4096));
        assertThat(bed().initiator().engine().status().memories()).isZero();
        moveSomethingElse();
    }

    /** Memory that Java can move or take away under a transfer is refused. */
    @Test
    public final void required_R11_1_heapAndConfinedMemoryIsRefused() {
        assertFails(TransferErrorCode.INVALID_REQUEST, () -> MemoryRegion.host(MemorySegment.ofArray(new byte[4096])));
        try (Arena arena = Arena.ofConfined()) {
            assertFails(TransferErrorCode.INVALID_REQUEST, () -> MemoryRegion.host(arena.allocate(4096)));
        }
        assertFails(TransferErrorCode.INVALID_REQUEST, () -> bed().initiator().memory(0));
    }

    /** A pool of a hundred regions is registered and given back without a trace. */
    @Test
    public final void required_R17_1_manyRegionsComeAndGo() {
        for (int round = 0; round < 3; round++) {
            List<Memory> pool = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                pool.add(bed().initiator().memory(4096 + i));
            }
            assertThat(bed().initiator().engine().status().memories()).isEqualTo(100);
            pool.forEach(memory -> memory.close(bed().far()));
            assertThat(bed().initiator().engine().status().memories()).isZero();
            assertThat(bed().initiator().watch().held()).isEmpty();
        }
    }
}
