package io.kvferry.backend.nccl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.conformance.Await;
import io.kvferry.conformance.FakeNetwork;
import io.kvferry.conformance.FakeTicker;
import io.kvferry.conformance.FaultPlan;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.engine.Lease;
import io.kvferry.engine.LeaseRequest;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferEngine;
import io.kvferry.engine.TransferRequest;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerControlProvider;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Host memory over NCCL, with copies that come too late and connections that do not come about. */
class StagedCopyTest {
    private static final int BLOCK = 4096;
    private static final int BLOCKS = 16;
    private static final long BYTES = (long) BLOCK * BLOCKS;
    private static final Duration STEP = Duration.ofMillis(100);

    private final FakeGpu gpu = new FakeGpu();
    private final FakeTicker ticker = new FakeTicker();
    private final FakeNetwork network = FakeNetwork.create(FaultPlan.seeded(1));
    private final TransferEngine initiator = open("initiator");
    private final TransferEngine target = open("target");
    private final Memory source = initiator.allocate(BYTES);
    private final Memory destination = target.allocate(BYTES);

    /** With room for one transfer at a time. */
    private TransferEngine open(String node) {
        PeerControlProvider peerControl = network.provider();
        return TransferEngine.builder()
                .config(KvFerryConfig.builder()
                        .provider(new NcclBackendProvider(gpu))
                        .provider(peerControl)
                        .set("kvferry.backend", "nccl")
                        .set("kvferry.peer-control", peerControl.name())
                        .set("kvferry.node-id", node)
                        .set("kvferry.staging", "pinned")
                        .set("kvferry.staging-size", Long.toString(BYTES))
                        .build())
                .ticker(ticker, ticker.scheduler())
                .open();
    }

    @AfterEach
    void closeBoth() {
        gpu.holdCopies(false);
        gpu.fakeNccl().deafen();
        for (TransferEngine engine : new TransferEngine[] {initiator, target}) {
            CompletableFuture<Boolean> clean =
                    Await.start(() -> engine.close(far()).isClean());
            Await.advancing("close of the engine", ticker, STEP, clean::isDone);
            assertThat(clean.join()).isTrue();
        }
    }

    private Deadline far() {
        return ticker.in(Duration.ofHours(1));
    }

    private static BlockList blocks(Memory memory) {
        return BlockList.uniform(memory.region(), 0, 0, BLOCK, BLOCKS);
    }

    private Transfer prepare(TransferId id, Deadline deadline) {
        return initiator.prepare(
                TransferRequest.write(id, target.address(), blocks(source)).deadline(far()), deadline);
    }

    private Lease offer(TransferId id) {
        return target.offer(LeaseRequest.writable(id, blocks(destination)), far());
    }

    /** What stands between a lost piece of the pool and this is nothing: it has room for one. */
    private void moves(int value) {
        source.segment().fill((byte) value);
        TransferId id = TransferId.random();
        try (Lease lease = offer(id);
                Transfer transfer = Await.call("prepare", () -> prepare(id, far()))) {
            transfer.submit();
            Await.call("the transfer", () -> transfer.await(far())).orThrow();
            transfer.finish();
            Await.call("the lease", () -> lease.await(far())).orThrow();
        }
        MemorySegment held = destination.segment();
        for (long i = 0; i < BYTES; i++) {
            assertThat(held.get(ValueLayout.JAVA_BYTE, i)).isEqualTo((byte) value);
        }
    }

    @Test
    void copyThatComesTooLateKeepsItsMemoryUntilItHasEndedAndNoLonger() {
        moves(1);
        gpu.holdCopies(true);
        TransferId id = TransferId.random();
        Lease lease = offer(id);
        Transfer transfer = Await.call("prepare", () -> prepare(id, far()));
        transfer.submit();
        Await.until("the copy has begun", () -> gpu.heldCopies() == 1);
        Await.advancing(
                "the transfer fails",
                ticker,
                Duration.ofSeconds(1),
                () -> transfer.result().isPresent());
        TransferException failure = catchThrowableOfType(
                TransferException.class, () -> transfer.result().orElseThrow().orThrow());
        assertThat(failure.code()).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED);
        transfer.finish();
        // fences end connections, and cannot end a copy
        for (int i = 0; i < 100; i++) {
            ticker.advance(STEP);
        }
        assertThat(transfer.memory()).isEqualTo(Quiescence.QUARANTINED);
        assertThat(source.isInUse()).isTrue();

        gpu.holdCopies(false);

        Await.advancing("the memory is free", ticker, STEP, () -> transfer.memory() == Quiescence.QUIESCENT);
        lease.revoke();
        Await.advancing("the lease is over", ticker, STEP, () -> lease.memory() == Quiescence.QUIESCENT);
        assertThat(source.isInUse()).isFalse();
        moves(2);
    }

    @Test
    void prepareThatDoesNotConnectGivesItsRoomBack() {
        gpu.fakeNccl().deafen(0, 1);
        TransferId id = TransferId.random();
        Lease lease = offer(id);
        CompletableFuture<Transfer> prepare = Await.start(() -> prepare(id, ticker.in(Duration.ofSeconds(1))));
        Await.advancing("prepare ends", ticker, STEP, prepare::isDone);
        TransferException refusal = catchThrowableOfType(TransferException.class, () -> Await.get("prepare", prepare));
        assertThat(refusal.code()).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED);
        lease.revoke();
        Await.advancing("the lease is over", ticker, STEP, () -> lease.memory() == Quiescence.QUIESCENT);
        gpu.fakeNccl().deafen();
        moves(3);
    }

    @Test
    void peerThatVanishesWhileBytesAreCopiedGivesTheMemoryBack() {
        moves(4);
        gpu.holdCopies(true);
        TransferId id = TransferId.random();
        offer(id);
        Transfer transfer = Await.call("prepare", () -> prepare(id, far()));
        transfer.submit();
        Await.until("the copy has begun", () -> gpu.heldCopies() == 1);
        network.kill(target.address());
        Await.advancing(
                "the transfer ends", ticker, STEP, () -> transfer.result().isPresent());
        gpu.holdCopies(false);
        Await.advancing("the memory is free", ticker, STEP, () -> transfer.memory() == Quiescence.QUIESCENT);
        assertThat(source.isInUse()).isFalse();
    }
}
