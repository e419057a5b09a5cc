package io.kvferry.cli.bench;

import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferEngine;
import io.kvferry.engine.TransferRequest;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferId;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * One thread of a benchmark: walks its share of the memory, transfer by transfer, and times each step.
 *
 * <p><b>Threads:</b> Confined to the thread that runs it.
 */
final class BenchLane {
    private static final Duration TRANSFER_TIME = Duration.ofSeconds(30);

    private final TransferEngine engine;
    private final PeerAddress target;
    private final BenchCase point;
    private final BenchSettings settings;
    private final LeaseSource leases;
    private final BlockList[] blocks;
    private final Ticker ticker = Ticker.system();
    private final Deque<Running> running = new ArrayDeque<>();
    private int step;
    private int attempt;

    private record Running(Transfer transfer, long submittedNanos) {}

    /** Where leases come from. */
    interface LeaseSource {
        /** The lease for one walk-through step. */
        TransferId lease(int step);
    }

    BenchLane(
            TransferEngine engine,
            PeerAddress target,
            BenchCase point,
            BenchSettings settings,
            Memory memory,
            int lane,
            LeaseSource leases) {
        this.engine = engine;
        this.target = target;
        this.point = point;
        this.settings = settings;
        this.leases = leases;
        this.blocks = new BlockList[point.steps(settings.memoryBytes())];
        for (int i = 0; i < blocks.length; i++) {
            long offset = ((long) lane * blocks.length + i) * point.transferBytes();
            blocks[i] = BlockList.uniform(
                    memory.region(), offset / point.blockBytes(), offset, point.blockBytes(), point.batch());
        }
    }

    /** Runs until the deadline, then waits for what is in flight. */
    void run(Deadline until, Steps times) {
        try {
            while (!until.isExpired()) {
                start(times);
                if (running.size() >= settings.pipeline()) {
                    end(running.remove(), times);
                }
            }
            while (!running.isEmpty()) {
                end(running.remove(), times);
            }
        } finally {
            running.forEach(left -> left.transfer.close());
        }
    }

    private void start(Steps times) {
        int here = step;
        step = (step + 1) % blocks.length;
        TransferId id = leases.lease(here);
        attempt = settings.standing() ? attempt + 1 : 1;
        Deadline deadline = Deadline.after(TRANSFER_TIME);
        TransferRequest request = new TransferRequest(
                id, attempt, point.operation(), target, blocks[here], deadline, null, settings.checksum(), false, null);
        long asked = ticker.nanos();
        Transfer transfer = engine.prepare(request, deadline);
        long prepared = ticker.nanos();
        running.add(new Running(transfer, prepared));
        transfer.submit();
        times.submit.add(ticker.nanos() - prepared);
        times.prepare.add(prepared - asked);
    }

    private void end(Running oldest, Steps times) {
        Transfer transfer = oldest.transfer;
        try (transfer) {
            transfer.await(Deadline.after(TRANSFER_TIME)).orThrow();
            long applied = ticker.nanos();
            transfer.finish();
            times.finish.add(ticker.nanos() - applied);
            times.transfer.add(applied - oldest.submittedNanos);
            times.transfers++;
        }
    }
}
