package io.kvferry.backend.nccl;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.backend.nccl.adapter.NcclLibrary;
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
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerControlProvider;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TransferId;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** One engine moves blocks within its own GPU: one rank, which must send and receive in one group. */
class SelfTransferTest {
    private static final int BLOCK = 8192;
    private static final int BLOCKS = 24;
    private static final int BYTES = BLOCK * BLOCKS;
    private static final Duration STEP = Duration.ofMillis(100);

    private final FakeTicker ticker = new FakeTicker();

    private TransferEngine open(NcclLibrary library) {
        PeerControlProvider peerControl =
                FakeNetwork.create(FaultPlan.seeded(1)).provider();
        return TransferEngine.builder()
                .config(KvFerryConfig.builder()
                        .provider(new NcclBackendProvider(library))
                        .provider(peerControl)
                        .set("kvferry.backend", "nccl")
                        .set("kvferry.peer-control", peerControl.name())
                        .set("kvferry.node-id", "alone")
                        .set("kvferry.nccl.part-blocks", "5")
                        .build())
                .ticker(ticker, ticker.scheduler())
                .open();
    }

    private Deadline far() {
        return ticker.in(Duration.ofHours(1));
    }

    private static BlockList blocks(Memory memory) {
        return BlockList.uniform(memory.region(), 0, 0, BLOCK, BLOCKS);
    }

    private Lease offer(TransferEngine engine, TransferId id, Operation operation, Memory memory) {
        return engine.offer(
                operation == Operation.WRITE
                        ? LeaseRequest.writable(id, blocks(memory))
                        : LeaseRequest.readable(id, blocks(memory)),
                far());
    }

    private Transfer prepare(
            TransferEngine engine, TransferId id, Operation operation, Memory memory, ChecksumMode checksum) {
        TransferRequest request = operation == Operation.WRITE
                ? TransferRequest.write(id, engine.address(), blocks(memory))
                : TransferRequest.read(id, engine.address(), blocks(memory));
        return Await.call(
                "prepare", () -> engine.prepare(request.deadline(far()).checksum(checksum), far()));
    }

    private void moves(TransferEngine engine, Operation operation, ChecksumMode checksum) {
        try (Memory here = engine.allocate(0, BYTES);
                Memory there = engine.allocate(0, BYTES)) {
            byte[] bytes = new byte[BYTES];
            new Random(operation == Operation.WRITE ? 1 : 2).nextBytes(bytes);
            (operation == Operation.WRITE ? here : there).write(0, MemorySegment.ofArray(bytes));
            TransferId id = TransferId.random();
            try (Lease lease = offer(engine, id, operation, there);
                    Transfer transfer = prepare(engine, id, operation, here, checksum)) {
                transfer.submit(new BlockRange(0, 7));
                transfer.submit(new BlockRange(7, BLOCKS - 7));
                Await.call("the transfer", () -> transfer.await(far())).orThrow();
                transfer.finish();
                Await.call("the lease", () -> lease.await(far())).orThrow();
            }
            byte[] moved = new byte[BYTES];
            (operation == Operation.WRITE ? there : here).read(0, MemorySegment.ofArray(moved));
            assertThat(moved).isEqualTo(bytes);
        }
    }

    private void close(TransferEngine engine) {
        CompletableFuture<Boolean> clean = Await.start(() -> engine.close(far()).isClean());
        Await.advancing("close of the engine", ticker, STEP, clean::isDone);
        assertThat(clean.join()).isTrue();
    }

    @ParameterizedTest
    @EnumSource(Under.class)
    void engineMovesBlocksToItselfBothWaysAndInParts(Under under) {
        TransferEngine engine = open(under.library());
        for (ChecksumMode checksum : new ChecksumMode[] {ChecksumMode.OFF, ChecksumMode.ON}) {
            moves(engine, Operation.WRITE, checksum);
            moves(engine, Operation.READ, checksum);
        }
        close(engine);
    }

    @ParameterizedTest
    @EnumSource(Under.class)
    void transferToItselfThatStandsStillIsFencedAndTheNextOneMoves(Under under) {
        NcclLibrary library = under.library();
        TransferEngine engine = open(library);
        try (Memory here = engine.allocate(0, BYTES);
                Memory there = engine.allocate(0, BYTES)) {
            for (Operation operation : Operation.values()) {
                TransferId id = TransferId.random();
                Lease lease = offer(engine, id, operation, there);
                Transfer transfer = prepare(engine, id, operation, here, ChecksumMode.OFF);
                under.freeze(library, true);
                transfer.submit();
                transfer.cancel();
                transfer.finish();
                Await.advancing(
                        "the transfer's memory is free", ticker, STEP, () -> transfer.memory() == Quiescence.QUIESCENT);
                lease.revoke();
                Await.advancing(
                        "the lease's memory is free", ticker, STEP, () -> lease.memory() == Quiescence.QUIESCENT);
                under.freeze(library, false);
                moves(engine, operation, ChecksumMode.OFF);
            }
        } finally {
            under.freeze(library, false);
        }
        close(engine);
    }
}
