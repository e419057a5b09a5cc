package io.kvferry.backend.nccl.adapter;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import org.bytedeco.cuda.global.nccl;
import org.bytedeco.cuda.nccl.ncclComm;
import org.bytedeco.cuda.nccl.ncclConfig_t;
import org.bytedeco.cuda.nccl.ncclUniqueId;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;

/** NCCL of this machine. As confined as {@link NcclAdapter} says. */
final class JavaCppNccl implements NcclAdapter {
    static final JavaCppNccl INSTANCE = new JavaCppNccl();

    private static final int OK = 0;
    private static final int UNHANDLED_CUDA_ERROR = 1;
    private static final int IN_PROGRESS = 7;
    private static final int BYTES = 1;

    /** NCCL fills fields that hold this with its own defaults. */
    private static final int UNDEFINED = Integer.MIN_VALUE;

    private static final int CONFIG_MAGIC = 0xcafebeef;
    /**
     * The configuration as NCCL 2.28 lays it out. A library copies no more than this, so that fields a newer header adds
     * keep the library's defaults; every one from 2.14 on knows the fields we set.
     */
    private static final int CONFIG_BYTES = 80;

    private static final int CONFIG_VERSION = 22_800;

    private JavaCppNccl() {}

    static int version() {
        int[] version = new int[1];
        check(nccl.ncclGetVersion(version), "ncclGetVersion", TransferErrorCode.TRANSFER_FAILED);
        return version[0];
    }

    private static void check(int code, String call, TransferErrorCode meaning) {
        if (code != OK && code != IN_PROGRESS) {
            throw new TransferException(meaning, Stage.TRANSFER, call + " answered " + describe(code));
        }
    }

    private static void check(int code, String call) {
        check(code, call, TransferErrorCode.TRANSFER_FAILED);
    }

    private static String describe(int code) {
        try (BytePointer text = nccl.ncclGetErrorString(code)) {
            String said = lastError();
            return code + " (" + (text == null ? "?" : text.getString()) + (said.isEmpty() ? "" : ": " + said) + ")";
        }
    }

    private static String lastError() {
        try (BytePointer text = nccl.ncclGetLastError(null)) {
            return text == null || text.isNull() ? "" : text.getString();
        }
    }

    @Override
    public byte[] newUniqueId() {
        try (ncclUniqueId id = new ncclUniqueId();
                BytePointer bytes = new BytePointer(id)) {
            check(nccl.ncclGetUniqueId(id), "ncclGetUniqueId", TransferErrorCode.CONNECTION_FAILED);
            byte[] copy = new byte[ID_BYTES];
            bytes.capacity(ID_BYTES).get(copy);
            return copy;
        }
    }

    @Override
    public long connect(byte[] uniqueId, int ranks, int rank, int maxCtas) {
        try (ncclUniqueId id = new ncclUniqueId();
                BytePointer bytes = new BytePointer(id);
                ncclConfig_t config = config(maxCtas);
                ncclComm communicator = new ncclComm()) {
            bytes.capacity(ID_BYTES).put(uniqueId);
            check(
                    nccl.ncclCommInitRankConfig(communicator, ranks, id, rank, config),
                    "ncclCommInitRankConfig",
                    TransferErrorCode.CONNECTION_FAILED);
            return communicator.address();
        }
    }

    private static ncclConfig_t config(int maxCtas) {
        ncclConfig_t config = new ncclConfig_t();
        Pointer.memset(config, 0, config.sizeof());
        return config.size(CONFIG_BYTES)
                .magic(CONFIG_MAGIC)
                .version(CONFIG_VERSION)
                .blocking(0)
                .cgaClusterSize(UNDEFINED)
                .minCTAs(UNDEFINED)
                .maxCTAs(maxCtas > 0 ? maxCtas : UNDEFINED)
                .splitShare(UNDEFINED)
                .trafficClass(UNDEFINED)
                .collnetEnable(UNDEFINED)
                .CTAPolicy(UNDEFINED)
                .shrinkShare(UNDEFINED)
                .nvlsCTAs(UNDEFINED)
                .nChannelsPerNetPeer(UNDEFINED)
                .nvlinkCentricSched(UNDEFINED);
    }

    @Override
    public CommState state(long communicator) {
        Scratch scratch = Scratch.ofThread();
        int[] state = scratch.number();
        if (nccl.ncclCommGetAsyncError(scratch.communicator(communicator), state) != OK) {
            return CommState.FAILED;
        }
        return switch (state[0]) {
            case OK -> CommState.READY;
            case IN_PROGRESS -> CommState.IN_PROGRESS;
            default -> CommState.FAILED;
        };
    }

    @Override
    public String lastError(long communicator) {
        Scratch scratch = Scratch.ofThread();
        int[] state = scratch.number();
        int code = nccl.ncclCommGetAsyncError(scratch.communicator(communicator), state);
        return describe(code == OK ? state[0] : code);
    }

    @Override
    public void beginGroup() {
        check(nccl.ncclGroupStart(), "ncclGroupStart");
    }

    @Override
    public void send(long communicator, long address, long bytes, int peer, long stream) {
        Scratch scratch = Scratch.ofThread();
        check(
                nccl.ncclSend(
                        scratch.memory(address),
                        bytes,
                        BYTES,
                        peer,
                        scratch.communicator(communicator),
                        scratch.stream(stream)),
                "ncclSend");
    }

    @Override
    public void receive(long communicator, long address, long bytes, int peer, long stream) {
        Scratch scratch = Scratch.ofThread();
        check(
                nccl.ncclRecv(
                        scratch.memory(address),
                        bytes,
                        BYTES,
                        peer,
                        scratch.communicator(communicator),
                        scratch.stream(stream)),
                "ncclRecv");
    }

    @Override
    public void endGroup() {
        check(nccl.ncclGroupEnd(), "ncclGroupEnd");
    }

    @Override
    public void abort(long communicator) {
        check(nccl.ncclCommAbort(Scratch.ofThread().communicator(communicator)), "ncclCommAbort");
    }

    @Override
    public long register(long communicator, long address, long bytes) {
        Scratch scratch = Scratch.ofThread();
        try (Pointer registration = new Pointer()) {
            check(
                    nccl.ncclCommRegister(
                            scratch.communicator(communicator), scratch.memory(address), bytes, registration),
                    "ncclCommRegister");
            return registration.address();
        }
    }

    @Override
    public void deregister(long communicator, long registration) {
        Scratch scratch = Scratch.ofThread();
        check(
                nccl.ncclCommDeregister(scratch.communicator(communicator), scratch.memory(registration)),
                "ncclCommDeregister");
    }

    @Override
    public long allocate(long bytes) {
        try (Pointer memory = new Pointer()) {
            int code = nccl.ncclMemAlloc(memory, bytes);
            if (code == UNHANDLED_CUDA_ERROR) {
                throw new TransferException(
                        TransferErrorCode.RESOURCE_EXHAUSTED,
                        Stage.REGISTER,
                        "no room for " + bytes + " bytes: ncclMemAlloc answered " + describe(code));
            }
            check(code, "ncclMemAlloc");
            return memory.address();
        }
    }

    @Override
    public void free(long address) {
        check(nccl.ncclMemFree(Scratch.ofThread().memory(address)), "ncclMemFree");
    }
}
