package io.kvferry.conformance;

import io.kvferry.engine.KvFerryConfig;
import io.kvferry.engine.Lease;
import io.kvferry.engine.LeaseRequest;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferEngine;
import io.kvferry.engine.TransferListener;
import io.kvferry.engine.TransferReport;
import io.kvferry.engine.TransferRequest;
import io.kvferry.spi.BackendInfo;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Capability;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerControlProvider;
import io.kvferry.spi.TransferId;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;

/** One engine of a {@link Bed}, with what its tests need at hand. */
final class Node {
    /** Lease and transfer deadlines of tests that are not about deadlines; on a clock that stands still. */
    static final Duration LONG = Duration.ofSeconds(60);

    private final FakeTicker ticker;
    private final TransferEngine engine;
    private final Watch watch;
    private final List<TransferReport> reports = new CopyOnWriteArrayList<>();

    Node(
            BackendHarness harness,
            FakeTicker ticker,
            PeerControlProvider soundControl,
            String nodeId,
            Watch watch,
            Map<String, String> config) {
        this.ticker = ticker;
        this.watch = watch;
        EngineFlaws flaws = EngineFlaws.of(harness);
        PeerControlProvider peerControl = flaws.control(soundControl);
        WatchedProvider provider = new WatchedProvider(harness.provider(), watch);
        KvFerryConfig.Builder settings = KvFerryConfig.builder()
                .provider(provider)
                .provider(peerControl)
                .set("kvferry.backend", provider.name())
                .set("kvferry.peer-control", peerControl.name())
                .set("kvferry.node-id", nodeId);
        harness.config().forEach(settings::set);
        config.forEach(settings::set);
        this.engine = TransferEngine.builder()
                .config(settings.build())
                .ticker(ticker, flaws.scheduler(ticker.scheduler()))
                .listener(flaws.listener(new TransferListener() {
                    @Override
                    public void ended(TransferReport report) {
                        reports.add(report);
                    }
                }))
                .open();
    }

    TransferEngine engine() {
        return engine;
    }

    Watch watch() {
        return watch;
    }

    FaultPlan faults() {
        return watch.faults();
    }

    PeerAddress address() {
        return engine.address();
    }

    BackendInfo info() {
        return Objects.requireNonNull(engine.backends().getFirst().info(), "the first backend is open");
    }

    boolean can(Capability capability) {
        return info().can(capability);
    }

    /** The one event in which each transfer and lease of this engine ended. */
    List<TransferReport> reports() {
        return reports;
    }

    List<TransferReport> reports(TransferId id) {
        return reports.stream().filter(report -> report.id().equals(id)).toList();
    }

    Memory memory(long bytes) {
        return allocate(engine, bytes);
    }

    /** Memory of the kind that an engine's first backend moves: the host's, or else the first device's. */
    static Memory allocate(TransferEngine engine, long bytes) {
        BackendInfo first = Objects.requireNonNull(engine.backends().getFirst().info(), "the first backend is open");
        return first.can(Capability.HOST_MEMORY) ? engine.allocate(bytes) : engine.allocate(0, bytes);
    }

    Lease offer(TransferId id, Operation operation, BlockList blocks) {
        return offer(request(id, operation, blocks));
    }

    Lease offer(LeaseRequest request) {
        return engine.offer(request, ticker.in(LONG));
    }

    static LeaseRequest request(TransferId id, Operation operation, BlockList blocks) {
        return operation == Operation.WRITE ? LeaseRequest.writable(id, blocks) : LeaseRequest.readable(id, blocks);
    }

    TransferRequest request(TransferId id, Operation operation, Node target, BlockList blocks) {
        TransferRequest request = operation == Operation.WRITE
                ? TransferRequest.write(id, target.address(), blocks)
                : TransferRequest.read(id, target.address(), blocks);
        return request.deadline(ticker.in(LONG));
    }

    Transfer prepare(TransferId id, Operation operation, Node target, BlockList blocks) {
        return prepare(request(id, operation, target, blocks));
    }

    Transfer prepare(TransferRequest request) {
        return prepare(request, ticker.in(LONG));
    }

    Transfer prepare(TransferRequest request, Deadline deadline) {
        return Await.call("prepare", () -> engine.prepare(request, deadline));
    }

    /** Closes; lets time pass only where close waits for a peer that does not answer. */
    CloseReport close() {
        CompletableFuture<CloseReport> closing = Await.start(() -> engine.close(ticker.in(LONG)));
        Deadline patience = Deadline.after(Duration.ofMillis(300));
        Await.until("close of the engine", () -> {
            if (!closing.isDone() && patience.isExpired()) {
                ticker.advance(Duration.ofMillis(200));
            }
            return closing.isDone();
        });
        return Await.get("close of the engine", closing);
    }

    /** Closes without a word about how that went: its test has failed already. */
    void abort() {
        var ignored = Await.start(() -> engine.close(ticker.in(Duration.ZERO)));
    }
}
