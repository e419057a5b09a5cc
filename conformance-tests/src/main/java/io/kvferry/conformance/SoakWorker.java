package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.engine.Lease;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferRequest;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.AbortScope;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import java.util.List;
import java.util.Random;

/** One of many threads that ask for everything. Confined to one thread at a time. */
final class SoakWorker {
    private static final int MEMORY_BYTES = 32 * 1024;

    private final Bed bed;
    private final Node from;
    private final Node to;
    private final Memory here;
    private final Memory there;
    private final Random random;
    private long completed;

    /** What is asked of a transfer after it was submitted. */
    private enum End {
        AWAIT,
        CONFIRM,
        CANCEL,
        FINISH,
        REVOKE
    }

    SoakWorker(Bed bed, Node from, Node to, Random random) {
        this.bed = bed;
        this.from = from;
        this.to = to;
        this.random = random;
        this.here = from.memory(MEMORY_BYTES);
        this.there = to.memory(MEMORY_BYTES);
    }

    /** Works some rounds, and on until a deadline. */
    boolean work(int rounds, Deadline end) {
        for (int round = 0; round < rounds || !end.isExpired(); round++) {
            Operation operation = ConformanceSuite.BOTH.get(random.nextInt(2));
            Layout layout = Layout.random(
                    ConformanceSuite.side(operation, here, there, true),
                    ConformanceSuite.side(operation, here, there, false),
                    1 + random.nextInt(20),
                    random);
            if (random.nextInt(4) == 0) {
                fetchFromStandingLease(operation, layout);
            } else {
                transfer(operation, layout);
            }
        }
        return true;
    }

    private void transfer(Operation operation, Layout layout) {
        End end = End.values()[random.nextInt(End.values().length)];
        if (end == End.REVOKE && !SoakConformanceTest.canTakeBack(to)) {
            end = End.AWAIT;
        }
        TransferId id = TransferId.random();
        TransferRequest request = from.request(id, operation, to, layout.local(operation));
        try (Lease lease = to.engine().offer(Node.request(id, operation, layout.remote(operation)), bed.far());
                Transfer transfer =
                        from.engine().prepare(end == End.CONFIRM ? request.confirm() : request, bed.far())) {
            submitInParts(transfer, layout.sourceBlocks().size(), end);
            ask(transfer, lease, end);
            if (end == End.REVOKE) {
                // what the target took back, its initiator gives up
                transfer.cancel();
            }
            TransferResult result = transfer.await(bed.far());
            check(result, layout, end);
            transfer.finish();
            TransferState decided = lease.await(bed.far()).state();
            if (end == End.CONFIRM && result instanceof TransferResult.Completed) {
                assertThat(decided).as("a confirmed transfer's lease").isEqualTo(TransferState.COMPLETED);
            }
            awaitQuiescent(transfer, lease);
        }
    }

    private void submitInParts(Transfer transfer, int blocks, End end) {
        for (int first = 0; first < blocks; ) {
            int count = 1 + random.nextInt(blocks - first);
            BlockRange part = new BlockRange(first, count);
            transfer.submit(part);
            refusedAgain(transfer, part);
            assertThat(transfer.status().blocksDone())
                    .isLessThanOrEqualTo(transfer.status().blocksTotal());
            first += count;
            if (first < blocks && end != End.AWAIT && end != End.CONFIRM && random.nextInt(3) == 0) {
                return;
            }
        }
    }

    private static void refusedAgain(Transfer transfer, BlockRange part) {
        try {
            transfer.submit(part);
        } catch (TransferException e) {
            assertThat(e.code()).isEqualTo(TransferErrorCode.INVALID_REQUEST);
            return;
        }
        throw new AssertionError(part + " was taken twice");
    }

    private static void ask(Transfer transfer, Lease lease, End end) {
        switch (end) {
            case AWAIT, CONFIRM -> {
                // it ends by itself
            }
            case CANCEL -> transfer.cancel();
            case FINISH -> transfer.finish();
            case REVOKE -> lease.revoke();
        }
    }

    private void check(TransferResult result, Layout layout, End end) {
        if (result instanceof TransferResult.Completed) {
            layout.assertMoved();
            completed++;
            return;
        }
        boolean collateral = from.info().abortScope() != AbortScope.TRANSFER
                && result instanceof TransferResult.Failed failed
                && failed.error().isRetryable();
        if (!collateral && (end == End.AWAIT || end == End.CONFIRM)) {
            throw new AssertionError("nobody asked for this end: " + result);
        }
    }

    private void fetchFromStandingLease(Operation operation, Layout layout) {
        TransferId id = TransferId.random();
        BlockList all = layout.local(operation);
        int half = all.size() / 2;
        try (Lease lease = to.engine()
                .offer(Node.request(id, operation, layout.remote(operation)).asStanding(), bed.far())) {
            fetch(from.request(id, operation, to, part(all, 0, Math.max(1, half))), lease);
            if (half > 0) {
                fetch(
                        from.request(id, operation, to, part(all, half, all.size()))
                                .attempt(2),
                        lease);
            }
            if (from.info().abortScope() == AbortScope.TRANSFER) {
                layout.assertMoved();
            }
            completed++;
            lease.revoke();
            Await.until(
                    () -> "the standing lease is free: " + lease.status(),
                    () -> lease.memory() == Quiescence.QUIESCENT);
        }
    }

    private static BlockList part(BlockList all, int first, int end) {
        int[] positions = new int[end - first];
        for (int i = first; i < end; i++) {
            positions[i - first] = i;
        }
        return all.select(positions);
    }

    private void fetch(TransferRequest request, Lease lease) {
        try (Transfer transfer = from.engine().prepare(request, bed.far())) {
            transfer.submit();
            TransferResult result = transfer.await(bed.far());
            if (from.info().abortScope() == AbortScope.TRANSFER) {
                result.orThrow();
            }
            transfer.finish();
            Await.until(
                    () -> "a fetch is quiescent: " + transfer.status() + ", " + lease.status(),
                    () -> transfer.memory() == Quiescence.QUIESCENT);
        }
    }

    private static void awaitQuiescent(Transfer transfer, Lease lease) {
        Await.until(
                () -> "both sides are quiescent: " + transfer.status() + ", " + lease.status(),
                () -> transfer.memory() == Quiescence.QUIESCENT && lease.memory() == Quiescence.QUIESCENT);
    }

    long completed() {
        return completed;
    }

    void close() {
        List.of(here, there).forEach(memory -> memory.close(bed.far()));
    }
}
