package io.kvferry.backend.nccl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

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
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerControlProvider;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The hangs of vLLM's P2pNccl as a user meets them, between two engines: each ends in one typed error, by a deadline, and what
 * comes after it moves.
 */
class P2pNcclHangsTest {
    private static final int BLOCK = 4096;
    private static final int BLOCKS = 8;
    private static final Duration STEP = Duration.ofMillis(100);
    private static final Duration SHORT_STEP = Duration.ofMillis(10);
    private static final Duration PATIENCE = Duration.ofSeconds(2);

    private final FakeTicker ticker = new FakeTicker();
    private final FakeNetwork network = FakeNetwork.create(FaultPlan.seeded(1));
    private final List<TransferEngine> engines = new ArrayList<>();
    private NcclLibrary library;

    private TransferEngine open(String node, PeerControlProvider peerControl) {
        TransferEngine engine = TransferEngine.builder()
                .config(KvFerryConfig.builder()
                        .provider(new NcclBackendProvider(library))
                        .provider(peerControl)
                        .set("kvferry.backend", "nccl")
                        .set("kvferry.peer-control", peerControl.name())
                        .set("kvferry.node-id", node)
                        .build())
                .ticker(ticker, ticker.scheduler())
                .open();
        engines.add(engine);
        return engine;
    }

    @AfterEach
    void closeAll() {
        for (TransferEngine engine : engines) {
            CompletableFuture<Boolean> closed = Await.start(() -> {
                engine.close(ticker.in(Duration.ofHours(1)));
                return true;
            });
            Await.advancing("close of the engine", ticker, STEP, closed::isDone);
        }
    }

    private static BlockList blocks(Memory memory, int blockBytes) {
        return BlockList.uniform(memory.region(), 0, 0, blockBytes, BLOCKS);
    }

    private Lease offer(TransferEngine decode, TransferId id) {
        Memory cache = decode.allocate(0, (long) BLOCK * BLOCKS);
        return decode.offer(LeaseRequest.writable(id, blocks(cache, BLOCK)), ticker.in(Duration.ofHours(1)));
    }

    private Transfer prepare(
            TransferEngine prefill, TransferId id, PeerAddress decode, int blockBytes, Deadline deadline) {
        Memory computed = prefill.allocate(0, (long) blockBytes * BLOCKS);
        TransferRequest request = TransferRequest.write(id, decode, blocks(computed, blockBytes));
        return Await.call("prepare", () -> prefill.prepare(request.deadline(deadline), deadline));
    }

    /** What prepare fails with while the clock stands still. */
    private TransferException refusal(TransferEngine prefill, TransferId id, PeerAddress decode, int blockBytes) {
        return catchThrowableOfType(
                TransferException.class, () -> prepare(prefill, id, decode, blockBytes, ticker.in(PATIENCE)));
    }

    /** What prepare fails with as the clock goes on, up to its deadline and not beyond. */
    private TransferException refusalInTime(
            TransferEngine prefill, TransferId id, PeerAddress decode, Deadline deadline) {
        CompletableFuture<Transfer> preparing = Await.start(() -> prepare(prefill, id, decode, BLOCK, deadline));
        Await.until("prepare ends by its deadline", () -> {
            if (!preparing.isDone() && !deadline.isExpired()) {
                ticker.advance(SHORT_STEP);
            }
            return preparing.isDone();
        });
        return catchThrowableOfType(TransferException.class, () -> Await.get("prepare", preparing));
    }

    private void moves(TransferEngine prefill, TransferEngine decode) {
        TransferId id = TransferId.random();
        try (Lease lease = offer(decode, id);
                Transfer transfer = prepare(prefill, id, decode.address(), BLOCK, ticker.in(PATIENCE))) {
            transfer.submit();
            Await.call("the transfer", () -> transfer.await(ticker.in(PATIENCE)))
                    .orThrow();
            transfer.finish();
            Await.call("the lease", () -> lease.await(ticker.in(PATIENCE))).orThrow();
        }
    }

    @ParameterizedTest
    @EnumSource(Under.class)
    void absentPeerIsAnErrorByTheDeadline(Under under) {
        library = under.library();
        TransferEngine prefill = open("prefill", network.provider());
        TransferEngine decode = open("decode", network.provider());
        moves(prefill, decode);

        TransferException nobody = refusal(prefill, TransferId.random(), new PeerAddress("node.fake", 1), BLOCK);
        assertThat(nobody.code()).isEqualTo(TransferErrorCode.CONTROL_FAILED);

        TransferId stopped = TransferId.random();
        Lease lease = offer(decode, stopped);
        network.freeze(decode.address());
        TransferException silent = refusalInTime(prefill, stopped, decode.address(), ticker.in(PATIENCE));
        assertThat(silent.code()).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED);

        network.thaw(decode.address());
        lease.revoke();
        moves(prefill, decode);
    }

    @ParameterizedTest
    @EnumSource(Under.class)
    void restartedPeerFailsOneAttemptAtMost(Under under) {
        library = under.library();
        TransferEngine prefill = open("prefill", network.provider());
        TransferEngine first = open("decode", network.provider());
        moves(prefill, first);
        PeerAddress address = first.address();
        network.kill(address);
        TransferEngine second = open("decode", network.provider(address));

        TransferId id = TransferId.random();
        Lease lease = offer(second, id);
        try {
            prepare(prefill, id, address, BLOCK, ticker.in(PATIENCE)).close();
        } catch (TransferException e) {
            assertThat(e.error().isRetryable()).as(e.getMessage()).isTrue();
        }
        lease.revoke();
        moves(prefill, second);
    }

    @ParameterizedTest
    @EnumSource(Under.class)
    void sizesThatDifferAreRefusedByPrepare(Under under) {
        library = under.library();
        TransferEngine prefill = open("prefill", network.provider());
        TransferEngine decode = open("decode", network.provider());
        TransferId id = TransferId.random();
        Lease lease = offer(decode, id);

        TransferException refusal = refusal(prefill, id, decode.address(), BLOCK / 2);

        assertThat(refusal.code()).isEqualTo(TransferErrorCode.BUFFER_MISMATCH);
        assertThat(refusal).hasMessageContaining("4096").hasMessageContaining("2048");
        lease.revoke();
        moves(prefill, decode);
    }

    @ParameterizedTest
    @EnumSource(Under.class)
    void requestIdsThatDifferAreNotFound(Under under) {
        library = under.library();
        TransferEngine prefill = open("prefill", network.provider());
        TransferEngine decode = open("decode", network.provider());
        moves(prefill, decode);
        Lease lease = offer(decode, TransferId.random());

        Deadline late = ticker.in(Duration.ofMinutes(10));
        TransferException refusal = refusalInTime(prefill, TransferId.random(), decode.address(), late);

        assertThat(refusal.code()).isEqualTo(TransferErrorCode.NOT_FOUND);
        lease.revoke();
        moves(prefill, decode);
    }

    @ParameterizedTest
    @EnumSource(Under.class)
    void receiverWithoutRoomIsRefusedBeforeTheSenderIsAsked(Under under) {
        library = under.library();
        TransferEngine prefill = open("prefill", network.provider());
        TransferEngine decode = open("decode", network.provider());

        TransferException refusal = catchThrowableOfType(TransferException.class, () -> decode.allocate(0, 1L << 45));

        assertThat(refusal.code()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED);
        moves(prefill, decode);
    }
}
