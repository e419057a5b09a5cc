package io.kvferry.lab;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.backend.rdma.adapter.RdmaAdapter;
import io.kvferry.backend.rdma.adapter.RdmaGrant;
import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.backend.rdma.adapter.RdmaRemoteKey;
import io.kvferry.lab.Slices.Slice;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferErrorCode;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a peer that breaks the rules can reach: what was declared, and no byte more. */
final class VerbsIsolationTest {
    private static final int SIZE = Adapters.SIZE;
    private static final String LEASE = "isolation=lease";

    private final Adapters lab = new Adapters();

    VerbsIsolationTest() {}

    @AfterEach
    void closeAll() {
        lab.close();
    }

    @Test
    void aRegionsKeyOpensTheRegionAndNoByteMore() {
        RdmaAdapter here = lab.open();
        RdmaAdapter there = lab.open();
        assertThat(there.info().isolation()).isEqualTo(Isolation.REGION);
        RdmaMemory local = lab.memory(here, 0x11);
        RdmaMemory neighbours = lab.memory(there, 0x22);
        RdmaMemory offered = lab.memory(there, 0x33);
        long base = offered.region().address();
        byte[] key = offered.grant(8192, 4096, Operation.WRITE).key();
        Half good = lab.connect(here, there).getFirst();
        lab.move(
                good,
                new Slices(
                        Operation.WRITE,
                        local,
                        good.connection().importKey(key),
                        base,
                        List.of(new Slice(0, 0, 4096), new Slice(0, SIZE - 4096, 4096))));
        assertThat(good.failure).as(good.detail).isNull();
        MemorySegment before =
                lab.arena.allocate(SIZE).copyFrom(offered.region().segment());
        for (long offset : new long[] {-1, SIZE - 99, neighbours.region().address() - base}) {
            for (Operation operation : Operation.values()) {
                Half half = lab.connect(here, there).getFirst();
                RdmaRemoteKey imported = half.connection().importKey(key);
                assertDenied(half, new Slices(operation, local, imported, base, List.of(new Slice(0, offset, 100))));
            }
        }
        Adapters.assertSame(offered.region().segment(), before);
        assertThat(Adapters.slice(neighbours, 0, 1).get(ValueLayout.JAVA_BYTE, 0))
                .isEqualTo((byte) 0x22);
    }

    @Test
    void aWrongKeyIsDeniedAndTheMemoryUntouched() {
        RdmaAdapter here = lab.open();
        RdmaAdapter there = lab.open();
        RdmaMemory local = lab.memory(here, 0x11);
        RdmaMemory remote = lab.memory(there, 0x22);
        for (Operation operation : Operation.values()) {
            Half initiator = lab.connect(here, there).getFirst();
            byte[] wrong = remote.grant(0, SIZE, operation).key().clone();
            wrong[wrong.length - 1] ^= 0x55;
            assertDenied(
                    initiator,
                    new Slices(
                            operation,
                            local,
                            initiator.connection().importKey(wrong),
                            remote.region().address(),
                            List.of(new Slice(0, 0, 4096))));
        }
        assertThat(Adapters.slice(remote, 0, 1).get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 0x22);
        assertThat(Adapters.slice(local, 0, 1).get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 0x11);
    }

    private void assertDenied(Half initiator, Slices batch) {
        lab.move(initiator, batch);
        assertThat(initiator.failure).as(initiator.detail).isEqualTo(TransferErrorCode.ACCESS_DENIED);
        assertThat(initiator.applied).isEmpty();
        assertThat(initiator.connection().post(batch))
                .as("a dead connection takes nothing")
                .isFalse();
    }

    @Test
    void aLeaseOpensWhatItNamesAndNoByteMore() {
        RdmaAdapter here = lab.open(LEASE);
        RdmaAdapter there = lab.open(LEASE);
        RdmaMemory local = lab.memory(here, 0x11);
        RdmaMemory remote = lab.memory(there, 0x22);
        RdmaGrant writable = remote.grant(8192 + 5, 1000, Operation.WRITE);
        RdmaGrant readable = remote.grant(65_536, 4096, Operation.READ);
        long base = remote.region().address();
        Half good = lab.connect(here, there).getFirst();
        lab.move(
                good,
                new Slices(
                        Operation.WRITE,
                        local,
                        good.connection().importKey(writable.key()),
                        base,
                        List.of(new Slice(0, 8192 + 5, 1000))));
        assertThat(good.failure).as(good.detail).isNull();
        MemorySegment before = lab.arena.allocate(SIZE).copyFrom(remote.region().segment());
        for (long offset : new long[] {8192 + 4, 8192 + 6, 0, SIZE - 1000}) {
            Half half = lab.connect(here, there).getFirst();
            RdmaRemoteKey key = half.connection().importKey(writable.key());
            assertDenied(half, new Slices(Operation.WRITE, local, key, base, List.of(new Slice(0, offset, 1000))));
        }
        Half writer = lab.connect(here, there).getFirst();
        RdmaRemoteKey readKey = writer.connection().importKey(readable.key());
        assertDenied(writer, new Slices(Operation.WRITE, local, readKey, base, List.of(new Slice(0, 65_536, 4096))));
        Half reader = lab.connect(here, there).getFirst();
        RdmaRemoteKey writeKey = reader.connection().importKey(writable.key());
        assertDenied(reader, new Slices(Operation.READ, local, writeKey, base, List.of(new Slice(0, 8192 + 5, 1000))));
        Adapters.assertSame(remote.region().segment(), before);
        writable.revoke();
        readable.revoke();
    }

    @Test
    void aRevokedLeaseIsClosedOnConnectionsThatLive() {
        RdmaAdapter here = lab.open(LEASE);
        RdmaAdapter there = lab.open(LEASE);
        RdmaMemory local = lab.memory(here, 0x11);
        RdmaMemory remote = lab.memory(there, 0x22);
        Half initiator = lab.connect(here, there).getFirst();
        RdmaGrant grant = remote.grant(0, SIZE, Operation.WRITE);
        RdmaRemoteKey key = initiator.connection().importKey(grant.key());
        grant.revoke();
        grant.revoke();
        assertDenied(
                initiator,
                new Slices(Operation.WRITE, local, key, remote.region().address(), List.of(new Slice(0, 0, SIZE))));
        assertThat(Adapters.slice(remote, 0, 1).get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 0x22);
    }
}
