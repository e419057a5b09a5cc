package io.kvferry.gpulab;

import io.kvferry.backend.nccl.adapter.CommState;
import io.kvferry.backend.nccl.adapter.CudaAdapter;
import io.kvferry.backend.nccl.adapter.JavaCppLibrary;
import io.kvferry.backend.nccl.adapter.NcclAdapter;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Ticker;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.Pointer;

/** CUDA and NCCL called directly, without an engine: a communicator of one rank and its stream. Confined to its thread. */
final class NcclToSelf implements AutoCloseable {
    private static final Duration LONG = Duration.ofSeconds(30);

    private final NcclAdapter nccl;
    private final CudaAdapter cuda;
    private final long stream;
    private final long communicator;

    /** Connects to itself, on the current device. */
    NcclToSelf() {
        JavaCppLibrary library = new JavaCppLibrary();
        nccl = library.nccl();
        cuda = library.cuda();
        cuda.use(0);
        stream = cuda.createStream();
        communicator = nccl.connect(nccl.newUniqueId(), 1, 0, 0);
        await("connecting to itself", () -> isReady(nccl, communicator));
    }

    static void await(String what, BooleanSupplier event) {
        Deadline deadline = Deadline.after(LONG);
        while (!event.getAsBoolean()) {
            if (deadline.isExpired()) {
                throw new IllegalStateException(what + " did not end within " + LONG);
            }
            Thread.onSpinWait();
        }
    }

    static boolean isReady(NcclAdapter nccl, long communicator) {
        CommState state = nccl.state(communicator);
        if (state == CommState.FAILED) {
            throw new IllegalStateException(nccl.lastError(communicator));
        }
        return state == CommState.READY;
    }

    private long nanos(Runnable start) {
        long begun = Ticker.system().nanos();
        start.run();
        await("a copy of one GPU", () -> cuda.isIdle(stream));
        return Ticker.system().nanos() - begun;
    }

    long copy(long from, long to, long bytes) {
        return nanos(() -> cuda.copy(to, from, bytes, stream));
    }

    long peerCopy(long from, long to, long bytes) {
        try (Pointer source = new Address(from);
                Pointer destination = new Address(to);
                CUstream_st on = new Stream(stream)) {
            return nanos(() -> {
                int code = cudart.cudaMemcpyPeerAsync(destination, 0, source, 0, bytes, on);
                if (code != 0) {
                    throw new IllegalStateException("cudaMemcpyPeerAsync answered " + code);
                }
            });
        }
    }

    long sendToSelf(long from, long to, long bytes) {
        return nanos(() -> {
            nccl.beginGroup();
            nccl.send(communicator, from, bytes, 0, stream);
            nccl.receive(communicator, to, bytes, 0, stream);
            nccl.endGroup();
            await("starting", () -> isReady(nccl, communicator));
        });
    }

    @Override
    public void close() {
        nccl.abort(communicator);
        await("the abort", () -> cuda.isIdle(stream));
        cuda.destroyStream(stream);
    }

    /** The binding's base class holds the address in a field. */
    private static final class Address extends Pointer {
        Address(long value) {
            address = value;
        }
    }

    private static final class Stream extends CUstream_st {
        Stream(long handle) {
            address = handle;
        }
    }
}
