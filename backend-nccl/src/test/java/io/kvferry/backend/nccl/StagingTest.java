package io.kvferry.backend.nccl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.engine.KvFerryConfig;
import io.kvferry.engine.Lease;
import io.kvferry.engine.LeaseRequest;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferEngine;
import io.kvferry.engine.TransferRequest;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** CUDA memory over TCP, on the emulator, whose device memory the CPU cannot read. */
class StagingTest {
    private static final int BLOCK = 65_536;
    private static final int BLOCKS = 24;
    private static final long BYTES = (long) BLOCK * BLOCKS;

    private static TransferEngine open(Map<String, String> more) {
        KvFerryConfig.Builder config = KvFerryConfig.builder();
        Emulator.config().forEach(config::set);
        config.set("kvferry.backend", "tcp,nccl").set("kvferry.staging", "pinned");
        more.forEach(config::set);
        return TransferEngine.open(config.build());
    }

    private static Deadline soon() {
        return Deadline.after(Duration.ofSeconds(20));
    }

    private static Memory memory(TransferEngine engine, String kind) {
        return kind.equals("cuda") ? engine.allocate(0, BYTES) : engine.allocate(BYTES);
    }

    private static MemorySegment filled(Memory memory, long seed) {
        byte[] bytes = new byte[(int) BYTES];
        new Random(seed).nextBytes(bytes);
        memory.write(0, MemorySegment.ofArray(bytes));
        return MemorySegment.ofArray(bytes);
    }

    private static MemorySegment content(Memory memory) {
        MemorySegment bytes = MemorySegment.ofArray(new byte[(int) BYTES]);
        memory.read(0, bytes);
        return bytes;
    }

    private static BlockList blocks(Memory memory) {
        return BlockList.uniform(memory.region(), 0, 0, BLOCK, BLOCKS);
    }

    @ParameterizedTest
    @CsvSource({"cuda,cuda", "cuda,host", "host,cuda", "host,host"})
    void memoryOfAnyKindMovesOverTcpBothWaysAndInParts(String here, String there) {
        try (TransferEngine initiator = open(Map.of());
                TransferEngine target = open(Map.of());
                Memory local = memory(initiator, here);
                Memory remote = memory(target, there)) {
            MemorySegment sent = filled(local, 1);
            TransferId out = TransferId.random();
            try (Lease lease = target.offer(LeaseRequest.writable(out, blocks(remote)), soon());
                    Transfer transfer = initiator.prepare(
                            TransferRequest.write(out, target.address(), blocks(local))
                                    .backend("tcp"),
                            soon())) {
                for (int first = 0; first < BLOCKS; first += 8) {
                    transfer.submit(new BlockRange(first, 8));
                    assertThat(lease.awaitApplied(new BlockRange(first, 8), soon()))
                            .isTrue();
                }
                transfer.await(soon()).orThrow();
                assertThat(content(remote).mismatch(sent)).isEqualTo(-1);
                transfer.finish();
                lease.await(soon()).orThrow();
            }
            MemorySegment held = filled(remote, 2);
            TransferId home = TransferId.random();
            try (Lease lease = target.offer(LeaseRequest.readable(home, blocks(remote)), soon());
                    Transfer transfer = initiator.prepare(
                            TransferRequest.read(home, target.address(), blocks(local))
                                    .backend("tcp"),
                            soon())) {
                transfer.submit();
                transfer.await(soon()).orThrow();
                assertThat(content(local).mismatch(held)).isEqualTo(-1);
                transfer.finish();
                lease.await(soon()).orThrow();
            }
        }
    }

    @Test
    void moreThanThePoolIsRefusedWithTheKey() {
        try (TransferEngine initiator = open(Map.of("kvferry.staging-size", "1MiB"));
                TransferEngine target = open(Map.of());
                Memory local = memory(initiator, "cuda");
                Memory remote = memory(target, "cuda")) {
            TransferId id = TransferId.random();
            try (Lease lease = target.offer(LeaseRequest.writable(id, blocks(remote)), soon())) {
                TransferException refusal = catchThrowableOfType(
                        TransferException.class,
                        () -> initiator.prepare(
                                TransferRequest.write(id, target.address(), blocks(local))
                                        .backend("tcp"),
                                soon()));
                assertThat(refusal.code()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED);
                assertThat(refusal).hasMessageContaining("kvferry.staging-size");
                assertThat(lease.result()).isEmpty();
            }
        }
    }

    @Test
    void stagingOnOneSideAloneIsRefusedNotGuessed() {
        try (TransferEngine initiator = open(Map.of());
                TransferEngine target = open(Map.of("kvferry.staging", "none", "kvferry.backend", "tcp"));
                Memory local = memory(initiator, "cuda");
                Memory remote = memory(target, "host")) {
            TransferId id = TransferId.random();
            try (Lease lease = target.offer(LeaseRequest.writable(id, blocks(remote)), soon())) {
                TransferException refusal = catchThrowableOfType(
                        TransferException.class,
                        () -> initiator.prepare(TransferRequest.write(id, target.address(), blocks(local)), soon()));
                assertThat(refusal.code()).isEqualTo(TransferErrorCode.INCOMPATIBLE_PEER);
                assertThat(refusal).hasMessageContaining("staged");
                assertThat(lease.result()).isEmpty();
            }
        }
    }

    @Test
    void stagingWithoutADeviceIsRefusedAtOpen() {
        TransferException refusal =
                catchThrowableOfType(TransferException.class, () -> open(Map.of("kvferry.backend", "tcp")));
        assertThat(refusal.code()).isEqualTo(TransferErrorCode.BACKEND_UNAVAILABLE);
        assertThat(refusal).hasMessageContaining("kvferry.staging");
    }
}
