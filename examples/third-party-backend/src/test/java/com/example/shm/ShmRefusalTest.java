package com.example.shm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.LeaseKey;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.util.UUID;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** What is this backend's own, and the suite cannot know: the kernel's answers, and what a page or a process id may not be. */
class ShmRefusalTest {
    private final BlockList blocks = BlockList.uniform(MemoryRegion.host(Arena.ofAuto().allocate(4096)), 0, 0, 1024, 4);

    private static void assertRefused(TransferErrorCode code, ThrowingCallable call) {
        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(call)
                .satisfies(e -> assertThat(e.code()).isEqualTo(code));
    }

    @Test
    void aProcessThatHasEndedIsAPeerThatIsLost() throws IOException, InterruptedException {
        Process ended = new ProcessBuilder("true").start();
        assertThat(ended.waitFor()).isZero();
        CopyBatch batch = new CopyBatch(1);
        batch.add(blocks.region(0).address(), blocks.region(0).address(), 1);

        assertRefused(
                TransferErrorCode.PEER_LOST,
                () -> new ProcessVmCopy().copy((int) ended.pid(), Operation.READ, batch));
    }

    @Test
    void memoryThatIsNotThereIsAFailedTransfer() throws IOException {
        int pid = ProcessId.current().pid();
        CopyBatch batch = new CopyBatch(1);
        batch.add(blocks.region(0).address(), 8, 1);

        assertRefused(
                TransferErrorCode.TRANSFER_FAILED, () -> new ProcessVmCopy().copy(pid, Operation.WRITE, batch));
    }

    @Test
    void aProcessIsKnownByItsStartToo() throws IOException {
        ProcessId self = ProcessId.current();
        ProcessId later = new ProcessId(self.machine(), self.namespace(), self.pid(), self.startTicks() + 1);

        try (ProcessFile file = ProcessFile.open(ProcessId.decode(ByteBuffer.wrap(self.encode()), "endpoint"))) {
            assertThat(file.isAlive()).isTrue();
        }
        assertRefused(TransferErrorCode.PEER_RESTARTED, () -> ProcessFile.open(later));
    }

    @Test
    void anotherMachineIsNoNeighbour() throws IOException {
        ProcessId self = ProcessId.current();
        ProcessId other = new ProcessId(UUID.randomUUID(), self.namespace(), self.pid(), self.startTicks());

        assertRefused(TransferErrorCode.INCOMPATIBLE_PEER, () -> other.requireNeighbour(self));
    }

    @Test
    void aPageOpensWithItsOwnTicketAndBlocksOnly() throws IOException {
        int pid = ProcessId.current().pid();
        LeaseKey key = LeaseKey.random(7);
        BlockList others = BlockList.uniform(blocks.region(0), 0, 0, 512, 4);

        try (LeasePage page = LeasePage.create(key, blocks)) {
            LeasePage.open(pid, new LeaseTicket(page.fd(), key), blocks).close();
            assertRefused(
                    TransferErrorCode.ACCESS_DENIED,
                    () -> LeasePage.open(pid, new LeaseTicket(page.fd(), LeaseKey.random(7)), blocks));
            assertRefused(
                    TransferErrorCode.ACCESS_DENIED, () -> LeasePage.open(pid, new LeaseTicket(0, key), blocks));
            assertRefused(
                    TransferErrorCode.BUFFER_MISMATCH,
                    () -> LeasePage.open(pid, new LeaseTicket(page.fd(), key), others));
        }
    }

    @Test
    void aSealedPageLetsNobodyInAndSaysWhoIsInside() {
        try (LeasePage page = LeasePage.create(LeaseKey.random(1), blocks)) {
            assertThat(page.enter()).isTrue();
            assertThat(page.seal()).as("nobody inside").isFalse();
            page.leave();
            assertThat(page.seal()).as("nobody inside").isTrue();
            assertThat(page.enter()).isFalse();
        }
    }
}
