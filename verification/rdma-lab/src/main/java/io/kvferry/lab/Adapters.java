package io.kvferry.lab;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.backend.rdma.adapter.RdmaAdapter;
import io.kvferry.backend.rdma.adapter.RdmaAdapterProvider;
import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.backend.rdma.adapter.verbs.VerbsAdapterProvider;
import io.kvferry.conformance.Await;
import io.kvferry.conformance.FakeTicker;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.PeerIdentity;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/** Adapters over real verbs, their memories and connections, driven by one thread as their owner threads would. */
final class Adapters implements AutoCloseable {
    static final int SIZE = 1 << 20;
    private static final long NAP_NANOS = 5_000_000;

    final RdmaAdapterProvider provider = new VerbsAdapterProvider();
    final FakeTicker ticker = new FakeTicker();
    final Arena arena = Arena.ofShared();
    private final List<RdmaAdapter> adapters = new ArrayList<>();
    final List<RdmaMemory> memories = new ArrayList<>();
    final List<Half> halves = new ArrayList<>();

    @Override
    public void close() {
        halves.forEach(half -> half.connection().close());
        for (Half half : halves) {
            until("the connection is closed", () -> half.closed);
        }
        memories.forEach(memory -> memory.deregister(soon()));
        adapters.forEach(RdmaAdapter::close);
        arena.close();
    }

    static Deadline soon() {
        return Deadline.after(Duration.ofSeconds(1));
    }

    BackendConfig config(String... settings) {
        return Settings.of(provider, List.of(settings));
    }

    RdmaAdapter open(String... settings) {
        BackendEnvironment environment = new BackendEnvironment(
                new PeerIdentity("lab", 1), ticker, ticker.scheduler(), "127.0.0.1", "127.0.0.1");
        RdmaAdapter adapter = provider.open(config(settings), environment, soon());
        adapters.add(adapter);
        return adapter;
    }

    RdmaMemory memory(RdmaAdapter adapter, int fill) {
        MemorySegment segment = arena.allocate(SIZE, 4096);
        segment.fill((byte) fill);
        RdmaMemory memory = adapter.register(MemoryRegion.host(segment), soon());
        memories.add(memory);
        return memory;
    }

    /** Drives both sides, as their owner threads would. */
    void until(String what, BooleanSupplier condition) {
        Await.until(what, () -> {
            for (RdmaAdapter adapter : adapters) {
                if (!adapter.progress()) {
                    adapter.await(NAP_NANOS);
                }
            }
            return condition.getAsBoolean();
        });
    }

    Half half() {
        Half half = new Half();
        halves.add(half);
        return half;
    }

    /** Connects two halves; the first is the initiator's. */
    List<Half> connect(RdmaAdapter here, RdmaAdapter there) {
        Half initiator = half();
        initiator.of(here.connect(there.address(), initiator));
        Half target = half();
        target.of(there.accept(initiator.connection().hello(), target));
        initiator.connection().establish(target.connection().hello());
        until("connected", () -> initiator.connected || initiator.failure != null);
        assertThat(initiator.failure).as(initiator.detail).isNull();
        return List.of(initiator, target);
    }

    void move(Half half, Slices batch) {
        assertThat(half.connection().post(batch)).isTrue();
        until("applied or failed", () -> half.applied.contains(batch) || half.failure != null);
    }

    static MemorySegment slice(RdmaMemory memory, long offset, long bytes) {
        return memory.region().segment().asSlice(offset, bytes);
    }

    static void assertSame(MemorySegment one, MemorySegment other) {
        assertThat(one.mismatch(other)).isEqualTo(-1);
    }

    static void number(RdmaMemory memory) {
        for (int i = 0; i < SIZE / 8; i++) {
            memory.region().segment().setAtIndex(ValueLayout.JAVA_LONG, i, i * 0x9E3779B97F4A7C15L);
        }
    }
}
