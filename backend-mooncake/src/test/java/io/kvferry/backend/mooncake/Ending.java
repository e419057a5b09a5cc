package io.kvferry.backend.mooncake;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferObserver;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** How a transfer ended, as its observer heard it. */
final class Ending implements TransferObserver {
    private final int blocks;
    private final AtomicInteger applied = new AtomicInteger();
    private final CompletableFuture<Void> completed = new CompletableFuture<>();
    private final CompletableFuture<TransferError> failed = new CompletableFuture<>();
    private final CompletableFuture<Void> quiesced = new CompletableFuture<>();

    Ending(int blocks) {
        this.blocks = blocks;
    }

    @Override
    public void applied(BlockRange range) {
        if (applied.addAndGet(range.count()) == blocks) {
            completed.complete(null);
        }
    }

    @Override
    public void failed(TransferError error) {
        failed.complete(error);
    }

    @Override
    public void quiesced() {
        quiesced.complete(null);
    }

    boolean isComplete() {
        return completed.isDone();
    }

    void awaitCompleted() throws Exception {
        CompletableFuture.anyOf(completed, failed).get(20, TimeUnit.SECONDS);
        assertThat(failed).isNotDone();
    }

    TransferError awaitFailed(TransferErrorCode code) throws Exception {
        TransferError error = awaitFailed();
        assertThat(error.code()).as("%s", error).isEqualTo(code);
        return error;
    }

    TransferError awaitFailed() throws Exception {
        return failed.get(20, TimeUnit.SECONDS);
    }

    void awaitQuiesced() throws Exception {
        quiesced.get(20, TimeUnit.SECONDS);
    }
}
