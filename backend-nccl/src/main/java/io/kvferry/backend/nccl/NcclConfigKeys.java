package io.kvferry.backend.nccl;

import io.kvferry.backend.nccl.adapter.LibraryPaths;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.ConfigKey;
import java.time.Duration;
import java.util.Set;

/**
 * The configuration keys of the NCCL backend.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class NcclConfigKeys {
    /** Which GPU. */
    public static final ConfigKey<Integer> DEVICE = ConfigKey.integer(
            "kvferry.nccl.device",
            0,
            0,
            1023,
            "The GPU whose memory this engine moves, as CUDA counts those that CUDA_VISIBLE_DEVICES leaves. Default 0: the"
                    + " first. One engine serves one GPU; open one engine for each.");

    /** The driver's library. */
    public static final ConfigKey<String> CUDA_LIBRARY = ConfigKey.text(
            "kvferry.nccl.cuda-library",
            "",
            "Absolute path of the NVIDIA driver's libcuda.so.1. Default empty: the one the machine's loader finds.");

    /** The CUDA runtime. */
    public static final ConfigKey<String> CUDART_LIBRARY = ConfigKey.text(
            "kvferry.nccl.cudart-library",
            "",
            "Absolute path of CUDA's libcudart.so.13. Default empty: the one the machine's loader finds, else the one in"
                    + " /usr/local/cuda.");

    /** NCCL. */
    public static final ConfigKey<String> NCCL_LIBRARY = ConfigKey.text(
            "kvferry.nccl.nccl-library",
            "",
            "Absolute path of NCCL's libnccl.so.2, e.g. that of a Python environment. Default empty: the one the machine's"
                    + " loader finds.");

    /** Where the binding unpacks. */
    public static final ConfigKey<String> CACHE_DIR = ConfigKey.text(
            "kvferry.nccl.cache-dir",
            "",
            "Folder where the Java binding unpacks its own libraries; the first engine of a JVM decides. Default empty:"
                    + " .javacpp/cache in the home folder, which all processes of a user share.");

    /** Thread blocks of the GPU. */
    public static final ConfigKey<Integer> MAX_CTAS = ConfigKey.integer(
            "kvferry.nccl.max-ctas",
            0,
            0,
            64,
            "Most thread blocks of the GPU that one transfer occupies while it runs or waits; fewer leave more of the GPU to"
                    + " the model, and need less memory per connection. Default 0: NCCL decides.");

    /** How long connecting may take. */
    public static final ConfigKey<Duration> CONNECT_TIMEOUT = ConfigKey.duration(
            "kvferry.nccl.connect-timeout",
            Duration.ofSeconds(10),
            Duration.ofMillis(10),
            Duration.ofMinutes(10),
            "How long two processes may take to make a communicator; prepare's own deadline counts too. Default 10s: NCCL"
                    + " takes up to seconds when it meets a machine for the first time.");

    /** Communicators that live. */
    public static final ConfigKey<Integer> MAX_CONNECTIONS = ConfigKey.integer(
            "kvferry.nccl.max-connections",
            64,
            1,
            4096,
            "Communicators at one time; each costs GPU memory, about 50 MiB at eight thread blocks. Beyond, the one that was"
                    + " idle longest is closed; where none is idle, one more is RESOURCE_EXHAUSTED. Default 64: 3 GiB.");

    /** Connects that may fail. */
    public static final ConfigKey<Integer> MAX_FAILED_CONNECTS = ConfigKey.integer(
            "kvferry.nccl.max-failed-connects",
            64,
            1,
            65_536,
            "Connects this engine may begin and not bring to an end; each leaves one thread and one descriptor inside NCCL"
                    + " until the process ends. Then RESOURCE_EXHAUSTED. Default 64: far more than a healthy network needs.");

    /** Transfers that live. */
    public static final ConfigKey<Integer> MAX_TRANSFERS = ConfigKey.integer(
            "kvferry.nccl.max-transfers",
            4096,
            1,
            1 << 20,
            "Transfers at one time, as initiator and as target together; one more is RESOURCE_EXHAUSTED. Default 4096.");

    /** Blocks agreed at once. */
    public static final ConfigKey<Integer> PART_BLOCKS = ConfigKey.integer(
            "kvferry.nccl.part-blocks",
            512,
            1,
            Message.MAX_PART_BLOCKS,
            "Most blocks that are agreed at once and started as one group. Default 512: one message for 2 MiB of blocks of"
                    + " 4 KiB.");

    /** Bytes agreed at once. */
    public static final ConfigKey<Long> PART_SIZE = ConfigKey.size(
            "kvferry.nccl.part-size",
            64L << 20,
            1,
            1L << 40,
            "Most bytes that are agreed at once, unless one block has more. Smaller parts can be cancelled sooner. Default"
                    + " 64MiB: about 1 ms on a fast link, far more than a message costs.");

    /** Parts under way. */
    public static final ConfigKey<Integer> WINDOW = ConfigKey.integer(
            "kvferry.nccl.window",
            16,
            1,
            Message.MAX_WINDOW,
            "Parts of one transfer that are agreed or under way at one time. Default 16: hides the time the agreement"
                    + " takes.");

    /** Parts that wait. */
    public static final ConfigKey<Integer> QUEUE_DEPTH = ConfigKey.integer(
            "kvferry.nccl.queue-depth",
            65_536,
            1,
            1 << 24,
            "Submitted parts that have not ended, of all transfers together; one more is RESOURCE_EXHAUSTED. Default 65536.");

    /** Whether memory is registered with communicators. */
    public static final ConfigKey<Boolean> ZERO_COPY = ConfigKey.bool(
            "kvferry.nccl.zero-copy",
            false,
            "Whether memory that the engine allocates comes from ncclMemAlloc and is registered with each communicator, so"
                    + " that NCCL needs no copy on the way where it can do without; set it on both sides. Default false: NCCL"
                    + " before 2.19 cannot.");

    /** How long memory calls may take. */
    public static final ConfigKey<Duration> MEMORY_TIMEOUT = ConfigKey.duration(
            "kvferry.nccl.memory-timeout",
            Duration.ofSeconds(10),
            Duration.ofMillis(10),
            Duration.ofMinutes(10),
            "How long allocating and freeing may take; CUDA waits for the GPU's work when it frees. Default 10s.");

    /** All of them. */
    static final Set<ConfigKey<?>> ALL = Set.of(
            DEVICE,
            CUDA_LIBRARY,
            CUDART_LIBRARY,
            NCCL_LIBRARY,
            CACHE_DIR,
            MAX_CTAS,
            CONNECT_TIMEOUT,
            MAX_CONNECTIONS,
            MAX_FAILED_CONNECTS,
            MAX_TRANSFERS,
            PART_BLOCKS,
            PART_SIZE,
            WINDOW,
            QUEUE_DEPTH,
            ZERO_COPY,
            MEMORY_TIMEOUT);

    private NcclConfigKeys() {}

    static LibraryPaths paths(BackendConfig config) {
        return new LibraryPaths(
                config.get(CUDA_LIBRARY), config.get(CUDART_LIBRARY), config.get(NCCL_LIBRARY), config.get(CACHE_DIR));
    }
}
