package io.kvferry.backend.nccl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.backend.nccl.adapter.NcclLibrary;
import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the configuration says reaches NCCL. */
class NcclOptionsTest {
    @ParameterizedTest
    @EnumSource(Under.class)
    void communicatorsAreLimitedToTheThreadBlocksConfigured(Under under) {
        NcclLibrary library = under.library();
        try (TwoBackends pair = new TwoBackends(library, BackendConfig.DEFAULTS.with(NcclConfigKeys.MAX_CTAS, 7))) {
            TwoBackends.Agreed agreed = pair.agree(Operation.WRITE);
            InitiatorTransfer transfer = agreed.prepare();
            assertThat(under.maxCtas(library)).isEqualTo(7);
            transfer.finish(pair.far());
            agreed.lease.finish(pair.far());
        }
    }

    @Test
    void blocksMoveInGroupsOfTheSizeConfigured() throws InterruptedException {
        FakeGpu gpu = new FakeGpu();
        for (Operation operation : Operation.values()) {
            try (TwoBackends pair = new TwoBackends(gpu, BackendConfig.DEFAULTS.with(NcclConfigKeys.PART_BLOCKS, 3))) {
                int before = gpu.fakeNccl().groups();
                TwoBackends.Agreed agreed = pair.agree(operation);
                InitiatorTransfer transfer = agreed.prepare();
                transfer.submit(new BlockRange(0, TwoBackends.BLOCKS));
                agreed.initiatorHears.awaitApplied(TwoBackends.BLOCKS);
                // eight blocks are three, three and two, on each side
                assertThat(gpu.fakeNccl().groups() - before).isEqualTo(6);
                transfer.finish(pair.far());
                agreed.lease.finish(pair.far());
            }
        }
    }

    @Test
    void withZeroCopyMemoryIsRegisteredOnceForEachCommunicatorAndTakenBackWithTheMemory() throws InterruptedException {
        FakeGpu gpu = new FakeGpu();
        try (TwoBackends pair = new TwoBackends(gpu, BackendConfig.DEFAULTS.with(NcclConfigKeys.ZERO_COPY, true))) {
            TwoBackends.Agreed agreed = pair.agree(Operation.WRITE);
            assertThat(gpu.memory().fromNccl(agreed.local.address())).isTrue();
            InitiatorTransfer transfer = agreed.prepare();
            assertThat(gpu.fakeNccl().registrations()).as("before it is used").isZero();
            for (int block = 0; block < TwoBackends.BLOCKS; block++) {
                transfer.submit(new BlockRange(block, 1));
            }
            agreed.initiatorHears.awaitApplied(TwoBackends.BLOCKS);
            assertThat(gpu.fakeNccl().registrations()).isEqualTo(2);
            transfer.finish(pair.far());
            agreed.lease.finish(pair.far());
            agreed.localHandle.deregister(pair.far());
            agreed.remoteHandle.deregister(pair.far());
            assertThat(gpu.fakeNccl().registrations()).isZero();
        }
    }

    @Test
    void zeroCopyIsRefusedWhereTheLibraryLacksTheCalls() {
        FakeGpu gpu = new FakeGpu();
        gpu.version(21_805);
        NcclBackendProvider provider = new NcclBackendProvider(gpu);
        BackendConfig zeroCopy = BackendConfig.DEFAULTS.with(NcclConfigKeys.ZERO_COPY, true);
        assertThat(provider.probe(BackendConfig.DEFAULTS)).isInstanceOf(Availability.Available.class);
        assertThat(provider.probe(zeroCopy)).isInstanceOfSatisfying(Availability.Unavailable.class, no -> {
            assertThat(no.reason()).contains("NCCL_TOO_OLD", "kvferry.nccl.zero-copy", "2.18.5");
            assertThat(no.fix()).contains("2.19.0");
        });
        TransferException refusal = catchThrowableOfType(TransferException.class, () -> new TwoBackends(gpu, zeroCopy));
        assertThat(refusal.code()).isEqualTo(TransferErrorCode.BACKEND_UNAVAILABLE);
    }

    @Test
    void withoutItMemoryIsPlainAndNotRegistered() throws InterruptedException {
        FakeGpu gpu = new FakeGpu();
        try (TwoBackends pair = new TwoBackends(gpu, BackendConfig.DEFAULTS)) {
            TwoBackends.Agreed agreed = pair.agree(Operation.READ);
            assertThat(gpu.memory().fromNccl(agreed.local.address())).isFalse();
            InitiatorTransfer transfer = agreed.prepare();
            transfer.submit(new BlockRange(0, TwoBackends.BLOCKS));
            agreed.initiatorHears.awaitApplied(TwoBackends.BLOCKS);
            assertThat(gpu.fakeNccl().registrations()).isZero();
            transfer.finish(pair.far());
            agreed.lease.finish(pair.far());
        }
    }
}
