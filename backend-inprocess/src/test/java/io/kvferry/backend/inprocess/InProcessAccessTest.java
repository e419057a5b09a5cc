package io.kvferry.backend.inprocess;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.LeaseKey;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.util.List;
import java.util.SplittableRandom;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A lease opens to the one who may, for what it says, once. */
class InProcessAccessTest {
    private final Pair pair = new Pair();
    private final RecordingObserver initiatorObserver = new RecordingObserver(2);
    private BlockList source;
    private BlockList destination;
    private InitiatorPlan plan;
    private TargetTransfer lease;

    @BeforeEach
    void offer() {
        source = BlockList.uniform(pair.random(2000, 1), 0, 0, 1000, 2);
        destination = BlockList.uniform(pair.poisoned(2000), 0, 0, 1000, 2);
        TransferId id = TransferId.random();
        Pair.Order order = pair.order(Operation.WRITE, source, destination);
        plan = pair.initiatorPlan(id, order, initiatorObserver, null);
        TargetPlan targetPlan = pair.targetPlan(id, order, new RecordingObserver(2), null);
        lease = pair.accept(targetPlan, pair.initiator.propose(plan));
    }

    @AfterEach
    void close() {
        pair.close();
    }

    @Test
    void everyChangedByteOfTheDescriptorIsRefusedAndTheLeaseStaysGood() {
        byte[] good = lease.descriptor().toByteArray();
        for (int i = 0; i < good.length; i++) {
            byte[] bad = good.clone();
            bad[i] ^= 0x10;
            assertThatExceptionOfType(TransferException.class)
                    .as("byte %d", i)
                    .isThrownBy(() -> pair.prepare(plan, new Descriptor(bad)))
                    .satisfies(e -> assertThat(e.code())
                            .isIn(
                                    TransferErrorCode.PROTOCOL_ERROR,
                                    TransferErrorCode.LEASE_ENDED,
                                    TransferErrorCode.ACCESS_DENIED));
        }
        assertLeaseIsGood();
    }

    @Test
    void wrongLeaseKeyIsDenied() {
        byte[] bad = lease.descriptor().toByteArray();
        bad[bad.length - 1] ^= 1;

        assertRefused(TransferErrorCode.ACCESS_DENIED, () -> pair.prepare(plan, new Descriptor(bad)));
        assertLeaseIsGood();
    }

    @Test
    void anotherNodeOrAnotherLifeOfTheNodeIsDenied() {
        for (PeerIdentity other : List.of(new PeerIdentity("other", 1), new PeerIdentity("initiator", 9))) {
            assertRefused(
                    TransferErrorCode.ACCESS_DENIED, () -> pair.prepare(withSelf(plan, other), lease.descriptor()));
        }
        assertLeaseIsGood();
    }

    @Test
    void anInstanceThatDidNotProposeIsDenied() {
        TransferBackend thief = Pair.open(BackendConfig.DEFAULTS, Pair.INITIATOR, CopyAdapter.MEMORY);
        InitiatorPlan stolen = withHandles(plan, Pair.register(thief, source));

        assertRefused(TransferErrorCode.ACCESS_DENIED, () -> thief.prepare(stolen, lease.descriptor(), Pair.soon()));
        assertThat(thief.close(Pair.soon()).isClean()).isTrue();
        assertLeaseIsGood();
    }

    @Test
    void aLeaseToWriteIsNotALeaseToRead() {
        InitiatorPlan read = new InitiatorPlan(
                plan.id(),
                plan.attempt(),
                Operation.READ,
                plan.self(),
                plan.peer(),
                plan.peerEndpoint(),
                plan.blocks(),
                plan.handles(),
                plan.checksum(),
                plan.deadline(),
                plan.observer(),
                null);

        assertRefused(TransferErrorCode.ACCESS_DENIED, () -> pair.prepare(read, lease.descriptor()));
        assertLeaseIsGood();
    }

    @Test
    void blocksOtherThanTheLeasedOnesAreAMismatch() {
        MemoryRegion region = source.region(0);
        for (BlockList other : List.of(
                BlockList.uniform(region, 0, 0, 1000, 1),
                BlockList.uniform(region, 1, 0, 1000, 2),
                BlockList.uniform(region, 0, 0, 999, 2))) {
            assertRefused(
                    TransferErrorCode.BUFFER_MISMATCH, () -> pair.prepare(withBlocks(plan, other), lease.descriptor()));
        }
        assertLeaseIsGood();
    }

    @Test
    void aLeaseIsUsedOnce() {
        InitiatorTransfer first = pair.prepare(plan, lease.descriptor());

        assertRefused(TransferErrorCode.ACCESS_DENIED, () -> pair.prepare(plan, lease.descriptor()));
        first.submit(new BlockRange(0, 2));
        initiatorObserver.awaitComplete();
    }

    @Test
    void aFinishedLeaseIsGone() {
        lease.finish(Pair.now());

        assertRefused(TransferErrorCode.LEASE_ENDED, () -> pair.prepare(plan, lease.descriptor()));
    }

    @Test
    void memoryThatThisBackendDoesNotKnowIsRefused() {
        List<MemoryHandle> foreign = Pair.register(pair.target, source);
        List<MemoryHandle> gone = Pair.register(pair.initiator, source);
        gone.forEach(handle -> handle.deregister(Pair.soon()));
        List<MemoryHandle> ofOtherRegion = Pair.register(pair.initiator, destination);

        for (List<MemoryHandle> handles : List.of(List.<MemoryHandle>of(), foreign, gone, ofOtherRegion)) {
            assertRefused(
                    TransferErrorCode.MEMORY_NOT_REGISTERED,
                    () -> pair.prepare(withHandles(plan, handles), lease.descriptor()));
        }
        assertLeaseIsGood();
    }

    @Test
    void deviceMemoryIsUnsupported() {
        assertRefused(
                TransferErrorCode.UNSUPPORTED,
                () -> pair.initiator.register(MemoryRegion.cuda(0, 0x1000, 64), Pair.soon()));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void garbageFromAPeerIsAProtocolErrorAndHarmsNobody(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int length : new int[] {0, 1, 16, 17, 18, 32, 33, 34, 4096}) {
            byte[] garbage = new byte[length];
            random.nextBytes(garbage);
            if (length > 0) {
                garbage[0] = (byte) random.nextInt(2, 127);
            }
            assertRefused(TransferErrorCode.PROTOCOL_ERROR, () -> pair.prepare(plan, new Descriptor(garbage)));
            assertRefused(
                    TransferErrorCode.PROTOCOL_ERROR,
                    () -> pair.prepare(withEndpoint(plan, new BackendEndpoint(garbage)), lease.descriptor()));
            assertRefused(
                    TransferErrorCode.PROTOCOL_ERROR,
                    () -> pair.accept(
                            pair.targetPlan(
                                    TransferId.random(),
                                    pair.order(Operation.WRITE, source, destination),
                                    new RecordingObserver(2),
                                    null),
                            new Proposal(garbage)));
        }
        assertLeaseIsGood();
    }

    @Test
    void aPeerThatIsNotInThisJvmIsAFailedConnectionThatSaysWhatToDo() {
        TransferBackend gone = Pair.open(BackendConfig.DEFAULTS, Pair.TARGET, CopyAdapter.MEMORY);
        BackendEndpoint endpoint = gone.endpoint();
        gone.close(Pair.soon());

        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(() -> pair.prepare(withEndpoint(plan, endpoint), lease.descriptor()))
                .withMessageContaining("kvferry.backend = tcp")
                .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.CONNECTION_FAILED));
    }

    @Test
    void keysAreNeverShown() {
        LeaseKey key = LeaseKey.random(2);

        assertThat(new LeaseDescriptor(1, key).toString())
                .doesNotContain(Long.toString(key.high()))
                .doesNotContain(Long.toString(key.low()))
                .contains("****");
        assertThat(lease.descriptor().toString()).isEqualTo("Descriptor[33 bytes]");
    }

    private static void assertRefused(TransferErrorCode code, ThrowingCallable call) {
        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(call)
                .satisfies(e -> assertThat(e.code()).isEqualTo(code));
    }

    private void assertLeaseIsGood() {
        assertThat(Pair.isPoison(destination.region(0))).isTrue();
        InitiatorTransfer transfer = pair.prepare(plan, lease.descriptor());
        transfer.submit(new BlockRange(0, 2));
        initiatorObserver.awaitComplete();
        assertThat(destination.region(0).segment().mismatch(source.region(0).segment()))
                .isEqualTo(-1);
    }

    private static InitiatorPlan withSelf(InitiatorPlan plan, PeerIdentity self) {
        return copy(plan, self, plan.peerEndpoint(), plan.blocks(), plan.handles());
    }

    private static InitiatorPlan withEndpoint(InitiatorPlan plan, BackendEndpoint endpoint) {
        return copy(plan, plan.self(), endpoint, plan.blocks(), plan.handles());
    }

    private static InitiatorPlan withBlocks(InitiatorPlan plan, BlockList blocks) {
        return copy(plan, plan.self(), plan.peerEndpoint(), blocks, plan.handles());
    }

    private static InitiatorPlan withHandles(InitiatorPlan plan, List<MemoryHandle> handles) {
        return copy(plan, plan.self(), plan.peerEndpoint(), plan.blocks(), handles);
    }

    private static InitiatorPlan copy(
            InitiatorPlan plan,
            PeerIdentity self,
            BackendEndpoint endpoint,
            BlockList blocks,
            List<MemoryHandle> handles) {
        return new InitiatorPlan(
                plan.id(),
                plan.attempt(),
                plan.operation(),
                self,
                plan.peer(),
                endpoint,
                blocks,
                handles,
                plan.checksum(),
                plan.deadline(),
                plan.observer(),
                null);
    }
}
