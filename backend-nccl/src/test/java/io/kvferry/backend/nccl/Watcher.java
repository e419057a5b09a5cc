package io.kvferry.backend.nccl;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferObserver;
import java.util.BitSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Hears what a backend reports of one side of a transfer. Thread-safe. */
final class Watcher implements TransferObserver {
    private final BitSet applied = new BitSet();
    private final CompletableFuture<TransferError> failure = new CompletableFuture<>();
    private final CompletableFuture<Void> quiet = new CompletableFuture<>();

    @Override
    public synchronized void applied(BlockRange blocks) {
        assertThat(applied.get(blocks.first(), blocks.end()).isEmpty()).isTrue();
        applied.set(blocks.first(), blocks.end());
        notifyAll();
    }

    @Override
    public void failed(TransferError error) {
        failure.complete(error);
    }

    @Override
    public void quiesced() {
        assertThat(quiet.complete(null)).as("quiesced is called once").isTrue();
    }

    synchronized void awaitApplied(int blocks) throws InterruptedException {
        while (applied.cardinality() < blocks && !failure.isDone()) {
            wait(20);
        }
        assertThat(failure.isDone())
                .as(() -> "failed with " + failure.getNow(null))
                .isFalse();
    }

    TransferError awaitFailure() {
        return failure.orTimeout(20, TimeUnit.SECONDS).join();
    }

    void awaitQuiet() {
        quiet.orTimeout(20, TimeUnit.SECONDS).join();
    }

    boolean hasFailed() {
        return failure.isDone();
    }
}
