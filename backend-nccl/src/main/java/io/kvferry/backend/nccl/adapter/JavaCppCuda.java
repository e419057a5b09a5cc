package io.kvferry.backend.nccl.adapter;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.cudart.cudaPointerAttributes;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;

/** The CUDA runtime of this machine. Thread-safe. */
final class JavaCppCuda implements CudaAdapter {
    static final JavaCppCuda INSTANCE = new JavaCppCuda();

    private static final int OK = 0;
    private static final int INVALID_VALUE = 1;
    private static final int NO_MEMORY = 2;
    private static final int NOT_READY = 600;
    private static final int DEVICE_MEMORY = 2;
    private static final int STREAM_NON_BLOCKING = 1;
    private static final int EVENT_WITHOUT_TIMING = 2;
    /** Any direction: the addresses say which. */
    private static final int COPY_DEFAULT = 4;

    /**
     * What CUDA answers when it is asked for devices.
     *
     * @param code CUDA's code
     * @param count how many; means something only where the code is 0
     * @param message the code in words
     */
    record DeviceCount(int code, int count, String message) {}

    private JavaCppCuda() {}

    static DeviceCount countDevices() {
        int[] count = new int[1];
        int code = cudart.cudaGetDeviceCount(count);
        return new DeviceCount(code, code == OK ? count[0] : 0, describe("cudaGetDeviceCount", code));
    }

    private static String describe(String call, int code) {
        try (BytePointer text = cudart.cudaGetErrorString(code)) {
            return call + " answered " + code + " (" + (text == null ? "?" : text.getString()) + ")";
        }
    }

    private static void check(int code, String call) {
        if (code != OK) {
            throw new TransferException(TransferErrorCode.TRANSFER_FAILED, Stage.TRANSFER, describe(call, code));
        }
    }

    private static void checkMemory(int code, String call, long bytes) {
        if (code == NO_MEMORY) {
            // the error is kept by the runtime and would be answered to the next caller
            cudart.cudaGetLastError();
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.REGISTER,
                    "no room for " + bytes + " bytes: " + describe(call, code));
        }
        check(code, call);
    }

    @Override
    public void use(int device) {
        check(cudart.cudaSetDevice(device), "cudaSetDevice(" + device + ")");
    }

    @Override
    public int deviceOf(long address) {
        try (cudaPointerAttributes attributes = new cudaPointerAttributes()) {
            int code = cudart.cudaPointerGetAttributes(
                    attributes, Scratch.ofThread().memory(address));
            if (code == INVALID_VALUE) {
                cudart.cudaGetLastError();
                return -1;
            }
            check(code, "cudaPointerGetAttributes");
            return attributes.type() == DEVICE_MEMORY ? attributes.device() : -1;
        }
    }

    @Override
    public long allocate(long bytes) {
        try (Pointer memory = new Pointer()) {
            checkMemory(cudart.cudaMalloc(memory, bytes), "cudaMalloc", bytes);
            return memory.address();
        }
    }

    @Override
    public void free(long address) {
        check(cudart.cudaFree(Scratch.ofThread().memory(address)), "cudaFree");
    }

    @Override
    public long allocatePinned(long bytes) {
        try (Pointer memory = new Pointer()) {
            checkMemory(cudart.cudaMallocHost(memory, bytes), "cudaMallocHost", bytes);
            return memory.address();
        }
    }

    @Override
    public void freePinned(long address) {
        check(cudart.cudaFreeHost(Scratch.ofThread().memory(address)), "cudaFreeHost");
    }

    @Override
    public long createStream() {
        try (CUstream_st stream = new CUstream_st()) {
            check(cudart.cudaStreamCreateWithFlags(stream, STREAM_NON_BLOCKING), "cudaStreamCreateWithFlags");
            return stream.address();
        }
    }

    @Override
    public void destroyStream(long stream) {
        check(cudart.cudaStreamDestroy(Scratch.ofThread().stream(stream)), "cudaStreamDestroy");
    }

    @Override
    public boolean isIdle(long stream) {
        return isDone(cudart.cudaStreamQuery(Scratch.ofThread().stream(stream)), "cudaStreamQuery");
    }

    private static boolean isDone(int code, String call) {
        if (code == NOT_READY) {
            return false;
        }
        check(code, call);
        return true;
    }

    @Override
    public long createEvent() {
        try (CUevent_st event = new CUevent_st()) {
            check(cudart.cudaEventCreateWithFlags(event, EVENT_WITHOUT_TIMING), "cudaEventCreateWithFlags");
            return event.address();
        }
    }

    @Override
    public void destroyEvent(long event) {
        check(cudart.cudaEventDestroy(Scratch.ofThread().event(event)), "cudaEventDestroy");
    }

    @Override
    public void record(long event, long stream) {
        Scratch scratch = Scratch.ofThread();
        check(cudart.cudaEventRecord(scratch.event(event), scratch.stream(stream)), "cudaEventRecord");
    }

    @Override
    public boolean hasHappened(long event) {
        return isDone(cudart.cudaEventQuery(Scratch.ofThread().event(event)), "cudaEventQuery");
    }

    @Override
    public void copy(long destination, long source, long bytes, long stream) {
        Scratch scratch = Scratch.ofThread();
        check(
                cudart.cudaMemcpyAsync(
                        scratch.memory(destination),
                        scratch.otherMemory(source),
                        bytes,
                        COPY_DEFAULT,
                        scratch.stream(stream)),
                "cudaMemcpyAsync");
    }
}
