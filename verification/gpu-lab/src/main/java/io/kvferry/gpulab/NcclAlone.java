package io.kvferry.gpulab;

import io.kvferry.backend.nccl.adapter.CommState;
import io.kvferry.backend.nccl.adapter.CudaAdapter;
import io.kvferry.backend.nccl.adapter.JavaCppLibrary;
import io.kvferry.backend.nccl.adapter.NcclAdapter;
import io.kvferry.engine.BackendStatus;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Ticker;
import java.time.Duration;
import java.util.Locale;

/** NCCL and CUDA through the adapters, without an engine: what the backend can reach at best. */
final class NcclAlone {
    private static final int ROUNDS = 5;
    private static final Duration LONG = Duration.ofSeconds(30);

    private NcclAlone() {}

    /** Opens an engine and says what it runs on. */
    static String describe(KvFerryConfig config) {
        try (TransferEngine engine = TransferEngine.open(config)) {
            BackendStatus backend = engine.backends().getFirst();
            return backend.name() + ": " + backend.availability();
        }
    }

    private static void waitFor(Ready ready, String what, Duration time) {
        Deadline deadline = Deadline.after(time);
        while (!ready.isReady()) {
            if (deadline.isExpired()) {
                throw new IllegalStateException(what + " did not end within " + time);
            }
            Thread.onSpinWait();
        }
    }

    private interface Ready {
        boolean isReady();
    }

    private static boolean isReady(NcclAdapter nccl, long communicator) {
        CommState state = nccl.state(communicator);
        if (state == CommState.FAILED) {
            throw new IllegalStateException(nccl.lastError(communicator));
        }
        return state == CommState.READY;
    }

    /** One rank sends to itself, beside a plain copy of as many bytes, in turns. */
    static String selfTransfer(long bytes) {
        JavaCppLibrary library = new JavaCppLibrary();
        CudaAdapter cuda = library.cuda();
        NcclAdapter nccl = library.nccl();
        cuda.use(0);
        long from = cuda.allocate(bytes);
        long to = cuda.allocate(bytes);
        long stream = cuda.createStream();
        long communicator = nccl.connect(nccl.newUniqueId(), 1, 0, 0);
        StringBuilder seen = new StringBuilder();
        try {
            waitFor(() -> isReady(nccl, communicator), "connecting to itself", LONG);
            for (int round = 0; round < ROUNDS; round++) {
                double copy = gigabytesPerSecond(bytes, () -> {
                    cuda.copy(to, from, bytes, stream);
                    waitFor(() -> cuda.isIdle(stream), "the copy", LONG);
                });
                double self = gigabytesPerSecond(bytes, () -> {
                    nccl.beginGroup();
                    nccl.send(communicator, from, bytes, 0, stream);
                    nccl.receive(communicator, to, bytes, 0, stream);
                    nccl.endGroup();
                    waitFor(() -> isReady(nccl, communicator), "starting", LONG);
                    waitFor(() -> cuda.isIdle(stream), "the transfer to itself", LONG);
                });
                seen.append(String.format(
                        Locale.ROOT,
                        "copy %.2f GB/s, NCCL to itself %.2f GB/s, ratio %.2f%n",
                        copy,
                        self,
                        self / copy));
            }
        } finally {
            nccl.abort(communicator);
            waitFor(() -> cuda.isIdle(stream), "the abort", LONG);
            cuda.destroyStream(stream);
            cuda.free(from);
            cuda.free(to);
        }
        return seen.toString().strip();
    }

    private static double gigabytesPerSecond(long bytes, Runnable work) {
        long begun = Ticker.system().nanos();
        work.run();
        return (double) bytes / Math.max(1, Ticker.system().nanos() - begun);
    }

    /** A communicator of two ranks of which one never comes is aborted at a deadline. */
    static String absentPeer() {
        JavaCppLibrary library = new JavaCppLibrary();
        NcclAdapter nccl = library.nccl();
        library.cuda().use(0);
        long communicator = nccl.connect(nccl.newUniqueId(), 2, 0, 0);
        Deadline deadline = Deadline.after(Duration.ofMillis(1500));
        while (!deadline.isExpired()) {
            if (isReady(nccl, communicator)) {
                throw new IllegalStateException("connected to nobody");
            }
            Thread.onSpinWait();
        }
        long begun = Ticker.system().nanos();
        nccl.abort(communicator);
        return "aborted in " + (Ticker.system().nanos() - begun) / 1_000_000 + " ms";
    }
}
