package io.kvferry.backend.inprocess;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferObserver;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Remembers what a backend reports for one side, and waits for it with a deadline. */
final class RecordingObserver implements TransferObserver {
    private static final long PATIENCE_SECONDS = 20;

    private final int blocks;
    private final BitSet applied = new BitSet();
    private final List<String> mistakes = new ArrayList<>();
    private final CompletableFuture<Void> complete = new CompletableFuture<>();
    private final CompletableFuture<TransferError> failed = new CompletableFuture<>();
    private final CompletableFuture<Void> quiesced = new CompletableFuture<>();

    RecordingObserver(int blocks) {
        this.blocks = blocks;
    }

    @Override
    public synchronized void applied(BlockRange range) {
        for (int i = range.first(); i < range.end(); i++) {
            if (applied.get(i)) {
                mistakes.add("block " + i + " named twice");
            }
            applied.set(i);
        }
        if (applied.cardinality() == blocks) {
            complete.complete(null);
        }
    }

    @Override
    public synchronized void failed(TransferError error) {
        if (!failed.complete(error)) {
            mistakes.add("failed twice: " + error);
        }
    }

    @Override
    public synchronized void quiesced() {
        if (!quiesced.complete(null)) {
            mistakes.add("quiesced twice");
        }
    }

    void awaitComplete() {
        await(complete);
    }

    TransferError awaitFailure() {
        return await(failed);
    }

    void awaitQuiesced() {
        await(quiesced);
    }

    boolean hasFailed() {
        return failed.isDone();
    }

    boolean hasQuiesced() {
        return quiesced.isDone();
    }

    synchronized int appliedBlocks() {
        return applied.cardinality();
    }

    synchronized void assertNoMistakes() {
        assertThat(mistakes).isEmpty();
    }

    private static <T> T await(CompletableFuture<T> future) {
        return future.orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS).join();
    }
}
