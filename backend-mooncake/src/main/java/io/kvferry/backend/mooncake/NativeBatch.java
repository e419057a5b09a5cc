package io.kvferry.backend.mooncake;

import io.kvferry.backend.mooncake.adapter.MooncakeAdapter;
import io.kvferry.backend.mooncake.adapter.MooncakeTaskState;
import io.kvferry.backend.mooncake.adapter.MooncakeTasks;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferException;

/**
 * Blocks of one transfer in the hands of the library. It is inside its transfer's gate until the library has freed it, which
 * it does only when every task was seen in a terminal state; until then its memory may be touched, whatever its transfer
 * thinks. Confined to the engine's thread.
 */
final class NativeBatch {
    private final MooncakeAdapter adapter;
    private final NativeInitiator transfer;
    private final BlockRange range;
    /** Where a byte of each task is read to as evidence, or 0 where none is needed. */
    private final long evidenceAt;

    private long id;
    private int tasks;
    /** Tasks seen in a terminal state; the rest is asked for in order, as asking is not free in the library. */
    private int seen;

    private boolean failed;
    private boolean completed;
    private boolean readsEvidence;
    private boolean lost;
    private boolean over;

    NativeBatch(MooncakeAdapter adapter, NativeInitiator transfer, BlockRange range, long evidenceAt) {
        this.adapter = adapter;
        this.transfer = transfer;
        this.range = range;
        this.evidenceAt = evidenceAt;
    }

    /** Starts it; what fails here has its say through {@link #poll}. */
    void start(MooncakeTasks scratch) {
        transfer.fill(scratch, range);
        submit(scratch);
    }

    private void submit(MooncakeTasks scratch) {
        tasks = scratch.size();
        seen = 0;
        try {
            id = adapter.allocateBatch(tasks);
        } catch (TransferException e) {
            tasks = 0;
            id = 0;
            fail(e);
            return;
        }
        try {
            adapter.submit(id, scratch);
        } catch (TransferException e) {
            // what was not started is never done: then the library keeps the batch, and with it the memory
            tasks = 0;
            fail(e);
        }
    }

    private void fail(TransferException e) {
        failed = true;
        transfer.fail(e.code(), e.error().detail());
    }

    /** Asks once. Returns true if something has moved. */
    boolean poll(MooncakeTasks scratch) {
        if (lost) {
            return false;
        }
        try {
            return ask(scratch);
        } catch (TransferException e) {
            // what the library does with it is not known any more: its memory comes back when the engine is replaced
            lost = true;
            fail(e);
            return true;
        }
    }

    private boolean ask(MooncakeTasks scratch) {
        int before = seen;
        while (seen < tasks) {
            MooncakeTaskState state = adapter.status(id, seen);
            if (state == MooncakeTaskState.UNDER_WAY) {
                return seen > before;
            }
            if (state == MooncakeTaskState.FAILED) {
                transfer.failed(range, seen);
                failed = true;
            } else {
                completed = true;
            }
            seen++;
        }
        if (id != 0 && !adapter.freeBatch(id)) {
            return false;
        }
        id = 0;
        if (completed && evidenceAt != 0 && !readsEvidence) {
            readsEvidence =
                    true; // also where others failed: what completed must be down before the memory is given back
            readEvidence(scratch);
            return true;
        }
        over = true;
        transfer.ended(this);
        return true;
    }

    boolean isOver() {
        return over;
    }

    boolean hasFailed() {
        return failed;
    }

    BlockRange range() {
        return range;
    }

    NativeInitiator transfer() {
        return transfer;
    }

    /** A READ of the last byte of every task, behind the WRITEs: a card does not answer it before they are down. */
    private void readEvidence(MooncakeTasks scratch) {
        scratch.reset(Operation.READ, transfer.segment());
        for (int i = range.first(); i < range.end(); i++) {
            scratch.add(
                    evidenceAt, transfer.remoteAddress(i) + transfer.blocks().length(i) - 1, 1);
        }
        submit(scratch);
    }
}
