package io.kvferry.backend.mooncake;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Capability;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The binding of libtransfer_engine's C API and what is above it, over a stub of that API in C. */
@Timeout(60)
class NativeLibraryTest {
    private static final int BYTES = 1 << 18;
    private static final String PEER = "127.0.0.1:15999";

    private final StubLibrary stub = StubLibrary.current();
    private BackendNode<NativeBackend> node;
    private MemorySegment local;
    private MemorySegment remote;
    private BlockList blocks;

    @BeforeEach
    void open() {
        node = BackendNode.ofLibrary(config(stub.path()));
        local = node.memory(BYTES, 3);
        remote = node.memory(BYTES, 5);
        node.backend.register(MemoryRegion.host(remote), BackendNode.soon());
        blocks = BackendNode.blocks(local, 1024);
    }

    @AfterEach
    void close() {
        for (String what : new String[] {"late", "busy", "stall", "fail"}) {
            stub.set(what, 0);
        }
        node.close();
        assertThat(stub.count("engines")).isZero();
    }

    private static BackendConfig config(String library) {
        return BackendConfig.DEFAULTS
                .with(MooncakeConfigKeys.ENGINE, MooncakeEngineKind.NATIVE)
                .with(MooncakeConfigKeys.NATIVE_LIBRARY, library);
    }

    private BackendNode.Started start(Operation operation) {
        return node.start(operation, PEER, blocks, remote.address());
    }

    private void assertMoves(Operation operation) throws Exception {
        BackendNode.Started started = start(operation);
        started.ending().awaitCompleted();
        assertThat(started.transfer().finish(BackendNode.soon())).isEqualTo(Quiescence.QUIESCENT);
        assertThat(local.mismatch(remote)).isEqualTo(-1);
    }

    private static TransferException refusal(ThrowingCallable call, TransferErrorCode code) {
        TransferException failure = catchThrowableOfType(TransferException.class, call);
        assertThat(failure).isNotNull();
        assertThat(failure.code()).as(failure.getMessage()).isEqualTo(code);
        return failure;
    }

    @Test
    void bytesMoveBothWaysAndEveryBatchIsFreed() throws Exception {
        assertMoves(Operation.WRITE);
        BackendNode.fill(local, 7);
        assertMoves(Operation.READ);
        assertThat(stub.count("batches")).isZero();
    }

    @Test
    void itSaysWhatItCanAndCannotDo() {
        assertThat(node.backend.info().isolation()).isEqualTo(Isolation.NONE);
        assertThat(node.backend.info().capabilities())
                .contains(Capability.READ, Capability.WRITE)
                .doesNotContain(Capability.REVOKE, Capability.CANCEL_IN_FLIGHT, Capability.TARGET_PROGRESS);
    }

    @Test
    void lateCompletionIsAwaited() throws Exception {
        stub.set("late", 5);
        assertMoves(Operation.WRITE);
    }

    @Test
    void busyBatchKeepsItsMemoryUntilItIsFreed() throws Exception {
        stub.set("busy", 1);
        BackendNode.Started started = start(Operation.READ);
        BackendNode.await(() -> local.mismatch(remote) == -1);
        assertThat(started.transfer().finish(BackendNode.soon())).isEqualTo(Quiescence.QUARANTINED);
        assertThat(started.ending().isComplete()).isFalse();
        stub.set("busy", 0);
        started.ending().awaitQuiesced();
        assertThat(stub.count("batches")).isZero();
    }

    @Test
    void stallIsQuarantinedUntilTheEngineIsReplaced() throws Exception {
        stub.set("stall", 1);
        BackendNode.Started started = start(Operation.READ);
        BackendNode.await(() -> stub.count("batches") == BYTES / 1024 / 32);
        assertThat(started.transfer().finish(BackendNode.soon())).isEqualTo(Quiescence.QUARANTINED);
        refusal(
                () -> node.backend.reset(
                        new ResetScope.Peer(BackendNode.FOREIGN), Deadline.after(50, TimeUnit.MILLISECONDS)),
                TransferErrorCode.DEADLINE_EXCEEDED);
        node.backend.reset(new ResetScope.Instance(), BackendNode.soon());
        started.ending().awaitQuiesced();
        assertThat(stub.count("engines")).isOne();
        stub.set("stall", 0);
        assertMoves(Operation.WRITE);
    }

    @Test
    void failureIsTheTransfersAndTheNextAsksThePeerAnew() throws Exception {
        stub.set("fail", 1);
        BackendNode.Started started = start(Operation.WRITE);
        assertThat(started.ending()
                        .awaitFailed(TransferErrorCode.TRANSFER_FAILED)
                        .detail())
                .contains("FAILED", PEER);
        started.transfer().finish(BackendNode.soon());
        stub.set("fail", 0);
        int before = stub.count("fresh");
        assertMoves(Operation.WRITE);
        assertThat(stub.count("fresh")).isGreaterThan(before);
    }

    @Test
    void unknownSegmentIsConnectionFailed() {
        TransferException refusal = refusal(
                () -> node.prepare(Operation.READ, "nobody:1", blocks, remote.address()),
                TransferErrorCode.CONNECTION_FAILED);
        assertThat(refusal).hasMessageContaining("nobody:1");
    }

    @Test
    void memoryInsideRegisteredMemorySharesItAndOverlapIsRefused() {
        MemorySegment pool = node.memory(4096 * 4, 0);
        MemoryHandle whole = node.backend.register(MemoryRegion.host(pool.asSlice(0, 8192)), BackendNode.soon());
        MemoryHandle part = node.backend.register(MemoryRegion.host(pool.asSlice(4096, 4096)), BackendNode.soon());
        refusal(
                () -> node.backend.register(MemoryRegion.host(pool.asSlice(4096, 8192)), BackendNode.soon()),
                TransferErrorCode.ALREADY_EXISTS);
        whole.deregister(BackendNode.soon());
        part.deregister(BackendNode.soon());
        node.backend
                .register(MemoryRegion.host(pool.asSlice(4096, 8192)), BackendNode.soon())
                .deregister(BackendNode.soon());
    }

    @Test
    void secondEngineInTheProcessIsRefused() {
        TransferException refusal =
                refusal(() -> BackendNode.ofLibrary(config(stub.path())), TransferErrorCode.RESOURCE_EXHAUSTED);
        assertThat(refusal).hasMessageContaining("kvferry.mooncake.engine=wire");
    }

    @Test
    void transportThatIsNotThereIsUnavailable() {
        node.close();
        TransferException refusal = refusal(
                () -> BackendNode.ofLibrary(config(stub.path()).with(MooncakeConfigKeys.NATIVE_TRANSPORT, "efa")),
                TransferErrorCode.BACKEND_UNAVAILABLE);
        assertThat(refusal).hasMessageContaining("kvferry.mooncake.native-transport=efa");
        node = BackendNode.ofLibrary(config(stub.path()));
    }

    @Test
    void olderLibraryOverTcpDeclaresNoWrite() {
        node.close();
        try (BackendNode<NativeBackend> old = BackendNode.ofLibrary(config(StubLibrary.old()))) {
            assertThat(old.backend.info().capabilities())
                    .contains(Capability.READ)
                    .doesNotContain(Capability.WRITE);
        }
        node = BackendNode.ofLibrary(config(stub.path()));
    }

    @Test
    void absentLibraryIsUnavailableWithTheRemedy() {
        BackendConfig absent = config("libtransfer_engine_that_is_not_there.so");
        assertThat(new MooncakeBackendProvider().probe(absent))
                .isInstanceOfSatisfying(Availability.Unavailable.class, no -> {
                    assertThat(no.code()).isEqualTo(TransferErrorCode.BACKEND_UNAVAILABLE);
                    assertThat(no.fix()).contains("kvferry.mooncake.native-library", "kvferry.mooncake.engine=wire");
                });
    }
}
