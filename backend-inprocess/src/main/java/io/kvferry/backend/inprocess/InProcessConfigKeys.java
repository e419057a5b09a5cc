package io.kvferry.backend.inprocess;

import io.kvferry.spi.ConfigKey;
import java.util.Set;

/**
 * The configuration keys of the in-process backend.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class InProcessConfigKeys {
    /** Bytes copied in one go. */
    public static final ConfigKey<Long> SLICE_SIZE = ConfigKey.size(
            "kvferry.inprocess.slice-size",
            1L << 20,
            1,
            1L << 30,
            "Bytes copied before the worker looks at other transfers and at cancel. Default 1MiB: about 0.1 ms, far more"
                    + " than the look costs.");

    /** Parts that wait. */
    public static final ConfigKey<Integer> QUEUE_DEPTH = ConfigKey.integer(
            "kvferry.inprocess.queue-depth",
            1024,
            1,
            1 << 20,
            "Submitted parts that may wait for the worker, of all transfers together; one more is RESOURCE_EXHAUSTED."
                    + " Default 1024: a hundred layers of ten requests at once.");

    /** Transfers that live. */
    public static final ConfigKey<Integer> MAX_TRANSFERS = ConfigKey.integer(
            "kvferry.inprocess.max-transfers",
            4096,
            1,
            1 << 20,
            "Transfers at one time, as initiator and as target together; one more is RESOURCE_EXHAUSTED. Default 4096:"
                    + " more than one JVM serves, and few enough to find a leak.");

    /** Whether both sides take part. */
    public static final ConfigKey<Boolean> TWO_SIDED = ConfigKey.bool(
            "kvferry.inprocess.two-sided",
            false,
            "Whether the target copies, part by part, after the initiator announced each over peer control. Both sides"
                    + " must agree. Default false: the initiator copies alone, which is faster.");

    /** All of them. */
    static final Set<ConfigKey<?>> ALL = Set.of(SLICE_SIZE, QUEUE_DEPTH, MAX_TRANSFERS, TWO_SIDED);

    private InProcessConfigKeys() {}
}
