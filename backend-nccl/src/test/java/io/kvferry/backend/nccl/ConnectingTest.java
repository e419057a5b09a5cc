package io.kvferry.backend.nccl;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Side;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** NCCL takes as long as it likes to connect; transfers come and go meanwhile. */
class ConnectingTest {
    private static final BlockRange ALL = new BlockRange(0, TwoBackends.BLOCKS);
    private static final Duration SECOND = Duration.ofSeconds(1);

    private final FakeGpu gpu = new FakeGpu();
    private final FakeNccl nccl = gpu.fakeNccl();

    private static CompletableFuture<InitiatorTransfer> start(TwoBackends.Agreed agreed, TwoBackends pair) {
        return CompletableFuture.supplyAsync(() -> agreed.prepare(pair.ticker.in(SECOND)));
    }

    private static TransferErrorCode failure(CompletableFuture<?> call) {
        assertThat(call).failsWithin(Duration.ofSeconds(20));
        return ((TransferException) call.exceptionNow()).code();
    }

    private static void move(TwoBackends pair, TwoBackends.Agreed agreed, InitiatorTransfer transfer)
            throws InterruptedException {
        transfer.submit(ALL);
        agreed.initiatorHears.awaitApplied(TwoBackends.BLOCKS);
        transfer.finish(pair.far());
        agreed.lease.finish(pair.far());
    }

    /** Waits until the initiator has heard that the target connects too. */
    private static void awaitJoined(TwoBackends pair, TwoBackends.Agreed agreed, CountDownLatch joined)
            throws InterruptedException {
        assertThat(joined.await(20, TimeUnit.SECONDS)).isTrue();
        agreed.channel.awaitDelivered();
        pair.settle();
    }

    @Test
    void connectingOutlivesThePrepareThatBeganIt() throws InterruptedException {
        nccl.deafen(0, 1);
        try (TwoBackends pair = new TwoBackends(gpu, BackendConfig.DEFAULTS.with(NcclConfigKeys.ZERO_COPY, true))) {
            TwoBackends.Agreed first = pair.agree(Operation.WRITE);
            CountDownLatch joined = new CountDownLatch(1);
            first.intercept(Side.INITIATOR, message -> {
                joined.countDown();
                return message;
            });
            CompletableFuture<InitiatorTransfer> prepare = start(first, pair);
            awaitJoined(pair, first, joined);
            pair.ticker.advance(SECOND);
            assertThat(failure(prepare)).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED);
            first.channel.end(Side.INITIATOR).close();
            first.lease.finish(pair.far());

            TwoBackends.Agreed next = pair.agree(Operation.WRITE);
            AtomicInteger invitations = new AtomicInteger();
            next.intercept(message -> {
                if (message instanceof Message.Join) {
                    invitations.incrementAndGet();
                }
                return message;
            });
            CompletableFuture<InitiatorTransfer> again = start(next, pair);
            nccl.deafen();
            move(pair, next, again.orTimeout(20, TimeUnit.SECONDS).join());
            assertThat(invitations).as("it found the one that was being made").hasValue(0);
        }
    }

    @Test
    void leaseThatEndsWhileNcclConnectsEndsThePrepareAtOnce() throws InterruptedException {
        nccl.deafen(0, 1);
        try (TwoBackends pair = new TwoBackends(gpu, BackendConfig.DEFAULTS.with(NcclConfigKeys.ZERO_COPY, true))) {
            TwoBackends.Agreed ended = pair.agree(Operation.WRITE);
            CountDownLatch joined = new CountDownLatch(1);
            ended.intercept(Side.INITIATOR, message -> {
                joined.countDown();
                return message;
            });
            CompletableFuture<InitiatorTransfer> prepare = start(ended, pair);
            awaitJoined(pair, ended, joined);
            ended.lease.finish(pair.far());
            ended.channel.end(Side.TARGET).close();
            assertThat(failure(prepare)).isEqualTo(TransferErrorCode.LEASE_ENDED);
        }
    }

    @Test
    void partsWaitForATargetWhoseRankIsNotThroughYet() throws InterruptedException {
        nccl.deafen(Role.TARGET.rank());
        try (TwoBackends pair = new TwoBackends(gpu, BackendConfig.DEFAULTS.with(NcclConfigKeys.ZERO_COPY, true))) {
            TwoBackends.Agreed agreed = pair.agree(Operation.WRITE);
            CountDownLatch asked = new CountDownLatch(1);
            agreed.intercept(message -> {
                if (message instanceof Message.Request) {
                    asked.countDown();
                }
                return message;
            });
            InitiatorTransfer transfer =
                    start(agreed, pair).orTimeout(20, TimeUnit.SECONDS).join();
            pair.fill(pair.initiator, agreed.local, 9);
            transfer.submit(ALL);
            assertThat(asked.await(20, TimeUnit.SECONDS)).isTrue();
            agreed.channel.awaitDelivered();
            pair.settle();
            assertThat(agreed.targetHears.hasFailed()).isFalse();
            nccl.deafen();
            agreed.initiatorHears.awaitApplied(TwoBackends.BLOCKS);
            pair.assertFilled(pair.target, agreed.remote, 9);
            transfer.finish(pair.far());
            agreed.lease.finish(pair.far());
        }
    }
}
