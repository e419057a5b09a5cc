package io.kvferry.backend.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferObserver;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** Keeps what a backend reports, and waits for it. */
final class RecordingObserver implements TransferObserver {
    private final int blocks;
    private final BitSet applied = new BitSet();
    private final List<String> broken = new ArrayList<>();
    private final CompletableFuture<Void> first = new CompletableFuture<>();
    private final CompletableFuture<Void> completed = new CompletableFuture<>();
    private final CompletableFuture<TransferError> failed = new CompletableFuture<>();
    private final CompletableFuture<Void> quiesced = new CompletableFuture<>();

    RecordingObserver(int blocks) {
        this.blocks = blocks;
    }

    @Override
    public synchronized void applied(BlockRange range) {
        for (int i = range.first(); i < range.end(); i++) {
            if (i >= blocks || applied.get(i)) {
                broken.add("block " + i + " was named twice or does not exist");
            }
            applied.set(i);
        }
        first.complete(null);
        if (applied.cardinality() == blocks) {
            completed.complete(null);
        }
    }

    @Override
    public void failed(TransferError error) {
        failed.complete(error);
    }

    @Override
    public void quiesced() {
        if (!quiesced.complete(null)) {
            synchronized (this) {
                broken.add("quiesced was called twice");
            }
        }
    }

    synchronized int appliedBlocks() {
        return applied.cardinality();
    }

    boolean hasCompleted() {
        return completed.isDone();
    }

    boolean hasFailed() {
        return failed.isDone();
    }

    boolean hasQuiesced() {
        return quiesced.isDone();
    }

    void awaitFirstApplied() throws Exception {
        get(first);
    }

    /** Waits for the end; returns null when everything was applied. */
    @Nullable
    TransferErrorCode awaitEnd() throws Exception {
        Object end = get(CompletableFuture.anyOf(completed, failed));
        assertNothingBroken();
        return end instanceof TransferError error ? error.code() : null;
    }

    void awaitCompleted() throws Exception {
        CompletableFuture.anyOf(completed, failed).get(30, TimeUnit.SECONDS);
        assertThat(failed).isNotDone();
        assertThat(completed).isDone();
        assertNothingBroken();
    }

    TransferError awaitFailed(TransferErrorCode code) throws Exception {
        TransferError error = get(failed);
        assertThat(error.code()).as("%s", error).isEqualTo(code);
        return error;
    }

    TransferError awaitFailed() throws Exception {
        return get(failed);
    }

    void awaitQuiesced() throws Exception {
        get(quiesced);
        assertNothingBroken();
    }

    synchronized void assertNothingBroken() {
        assertThat(broken).isEmpty();
    }

    private static <T> T get(CompletableFuture<T> future)
            throws InterruptedException, ExecutionException, TimeoutException {
        return future.get(30, TimeUnit.SECONDS);
    }
}
