package io.kvferry.backend.nccl;

import io.kvferry.backend.nccl.adapter.CudaAdapter;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TimedWait;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The platform thread that allocates, frees and copies memory of the device, with a stream of its own: none of that may hold
 * up the thread that drives NCCL. Thread-safe; its queue is bounded.
 */
final class CopyThread {
    private static final Logger LOG = LoggerFactory.getLogger(CopyThread.class);
    private static final int MAX_WAITING = 65_536;
    private static final long WINDOW_BYTES = 4 << 20;
    private static final long NAP_NANOS = 20_000;
    private static final int SPINS = 200;

    /** A checksum, or why there is none. */
    record Sum(long crc32c, @Nullable TransferError error) {}

    private final CudaAdapter cuda;
    private final Scheduler scheduler;
    private final ThreadPoolExecutor thread;

    // on the thread alone
    private long stream;
    private long event;
    private long window;
    private final CRC32C crc = new CRC32C();

    CopyThread(String name, CudaAdapter cuda, Scheduler scheduler) {
        this.cuda = cuda;
        this.scheduler = scheduler;
        this.thread = new ThreadPoolExecutor(
                1,
                1,
                0,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(MAX_WAITING),
                Thread.ofPlatform().daemon().name(name).factory());
    }

    /** Makes the device the thread's own, and the stream. */
    void start(int device, Deadline deadline) {
        call(deadline, Stage.OPEN, "opening the device", () -> {
            cuda.use(device);
            stream = cuda.createStream();
            event = cuda.createEvent();
            return true;
        });
    }

    /** Runs something on the thread and waits for it. */
    <T> T call(Deadline deadline, Stage stage, String what, Supplier<T> task) {
        return TimedWait.await(submit(task), deadline, scheduler, stage, what);
    }

    private <T> CompletableFuture<T> submit(Supplier<T> task) {
        try {
            return CompletableFuture.supplyAsync(task, thread);
        } catch (RejectedExecutionException e) {
            throw thread.isShutdown()
                    ? new TransferException(
                            TransferErrorCode.SHUTTING_DOWN, Stage.TRANSFER, "the NCCL backend is closed", e)
                    : new TransferException(
                            TransferErrorCode.RESOURCE_EXHAUSTED,
                            Stage.TRANSFER,
                            MAX_WAITING + " copies wait for the device; copy larger pieces",
                            e);
        }
    }

    /** Copies, and returns when the bytes are there. What does not end in time goes on. */
    void copy(long destination, long source, long bytes, Deadline deadline) {
        call(deadline, Stage.TRANSFER, "copying " + bytes + " bytes", () -> {
            copyNow(destination, source, bytes);
            return true;
        });
    }

    private void copyNow(long destination, long source, long bytes) {
        cuda.copy(destination, source, bytes, stream);
        cuda.record(event, stream);
        for (int looks = 0; !cuda.hasHappened(event); looks++) {
            if (looks < SPINS) {
                Thread.onSpinWait();
            } else {
                LockSupport.parkNanos(this, NAP_NANOS);
            }
        }
    }

    /**
     * Computes the CRC32C of some blocks, one behind the other.
     *
     * @param then hears the result, on this thread or, where it could not begin, on the caller's
     */
    void checksum(BlockList blocks, BlockRange range, Consumer<Sum> then) {
        try {
            var ignored = submit(() -> sum(blocks, range)).whenComplete((sum, failure) -> {
                if (failure == null) {
                    then.accept(new Sum(sum, null));
                } else {
                    then.accept(failed(failure));
                }
            });
        } catch (TransferException e) {
            then.accept(new Sum(0, e.error()));
        }
    }

    private static Sum failed(Throwable failure) {
        Throwable cause = failure.getCause() == null ? failure : failure.getCause();
        TransferError error = cause instanceof TransferException known
                ? known.error()
                : TransferError.of(TransferErrorCode.INTERNAL, Stage.TRANSFER, "no checksum: " + cause);
        return new Sum(0, error);
    }

    private long sum(BlockList blocks, BlockRange range) {
        if (window == 0) {
            window = cuda.allocatePinned(WINDOW_BYTES);
        }
        crc.reset();
        for (int i = range.first(); i < range.end(); i++) {
            long address = blocks.region(i).address() + blocks.offset(i);
            for (long done = 0; done < blocks.length(i); done += WINDOW_BYTES) {
                long bytes = Math.min(WINDOW_BYTES, blocks.length(i) - done);
                copyNow(window, address + done, bytes);
                crc.update(PinnedMemory.segment(window, bytes).asByteBuffer());
            }
        }
        return crc.getValue();
    }

    /** What is said of blocks whose checksums differ. */
    static String differs(BlockList blocks, BlockRange range) {
        return "the " + blocks.bytes(range) + " bytes of " + range.count() + " blocks from key "
                + blocks.key(range.first()) + " on have another CRC32C where they arrived; transfer them again";
    }

    /** Completes when all that was asked for before is done, or fails where it cannot be asked. */
    CompletableFuture<Void> barrier() {
        try {
            return submit(() -> null);
        } catch (TransferException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    /** Gives its own things back and ends. Returns false where it is still at work at the deadline. */
    boolean close(Deadline deadline) {
        CompletableFuture<Boolean> last = submit(() -> {
            cuda.destroyEvent(event);
            cuda.destroyStream(stream);
            if (window != 0) {
                cuda.freePinned(window);
            }
            return true;
        });
        thread.shutdown();
        try {
            return TimedWait.await(last, deadline, scheduler, Stage.CLOSE, "ending the copies");
        } catch (TransferException e) {
            LOG.debug("the copies have not ended", e);
            return false;
        }
    }
}
