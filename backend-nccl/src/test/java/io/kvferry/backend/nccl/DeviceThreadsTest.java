package io.kvferry.backend.nccl;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.FakeTicker;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.TransferBackend;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** NCCL is called for one GPU by one thread, however many backends of the process use it. */
class DeviceThreadsTest {
    private final FakeGpu gpu = new FakeGpu();

    private static void move(TwoBackends pair) throws InterruptedException {
        TwoBackends.Agreed agreed = pair.agree(Operation.WRITE);
        InitiatorTransfer transfer = agreed.prepare();
        transfer.submit(new BlockRange(0, TwoBackends.BLOCKS));
        agreed.initiatorHears.awaitApplied(TwoBackends.BLOCKS);
        transfer.finish(pair.far());
        agreed.lease.finish(pair.far());
    }

    @Test
    void backendsOfOneGpuShareItsThread() throws InterruptedException {
        try (TwoBackends one = new TwoBackends(gpu, BackendConfig.DEFAULTS);
                TwoBackends other = new TwoBackends(gpu, BackendConfig.DEFAULTS)) {
            move(one);
            move(other);
            assertThat(gpu.fakeNccl().callers()).hasSize(1);
            assertThat(gpu.fakeNccl().callers().iterator().next().getName()).isEqualTo("kvferry-nccl-0");
        }
    }

    @Test
    void theThreadOutlivesAllButTheLastOfThem() throws InterruptedException {
        Thread thread;
        try (TwoBackends last = new TwoBackends(gpu, BackendConfig.DEFAULTS)) {
            try (TwoBackends first = new TwoBackends(gpu, BackendConfig.DEFAULTS)) {
                move(first);
            }
            thread = gpu.fakeNccl().callers().iterator().next();
            assertThat(thread.isAlive()).isTrue();
            move(last);
        }
        assertThat(thread.join(Duration.ofSeconds(20))).isTrue();
        try (TwoBackends next = new TwoBackends(gpu, BackendConfig.DEFAULTS)) {
            move(next);
            assertThat(gpu.fakeNccl().callers()).hasSize(2);
        }
    }

    @Test
    void anotherGpuHasAThreadOfItsOwn() {
        FakeTicker ticker = new FakeTicker();
        BackendEnvironment environment = new BackendEnvironment(
                new PeerIdentity("here", 1), ticker, ticker.scheduler(), "127.0.0.1", "127.0.0.1");
        Deadline far = ticker.in(Duration.ofSeconds(60));
        TransferBackend[] backends = new TransferBackend[2];
        for (int device = 0; device < backends.length; device++) {
            backends[device] = new NcclBackendProvider(gpu)
                    .open(BackendConfig.DEFAULTS.with(NcclConfigKeys.DEVICE, device), environment, far);
        }
        assertThat(Thread.getAllStackTraces().keySet())
                .extracting(Thread::getName)
                .contains("kvferry-nccl-0", "kvferry-nccl-1");
        for (TransferBackend backend : backends) {
            assertThat(backend.close(far).abandoned()).isEmpty();
        }
    }
}
