package com.example.shm;

import io.kvferry.spi.ConfigKey;
import java.util.Set;

/** The keys of this backend. Everything that bounds something is one, and its default has a reason. Immutable. */
final class ShmConfigKeys {
    static final ConfigKey<Long> SLICE_SIZE = ConfigKey.size(
            "kvferry.shm.slice-size",
            1L << 20,
            1L << 12,
            1L << 30,
            "Bytes moved by one call of the kernel, before cancel and other transfers are looked at. Default 1MiB: about"
                    + " 0.1 ms, which hides the cost of the call.");

    static final ConfigKey<Integer> QUEUE_DEPTH = ConfigKey.integer(
            "kvferry.shm.queue-depth",
            1024,
            1,
            1 << 20,
            "Submitted parts that may wait, of all transfers together; one more is RESOURCE_EXHAUSTED. Default 1024: a"
                    + " hundred layers of ten requests at once.");

    static final ConfigKey<Integer> MAX_TRANSFERS = ConfigKey.integer(
            "kvferry.shm.max-transfers",
            256,
            1,
            1 << 16,
            "Transfers at one time, as initiator and as target together; one more is RESOURCE_EXHAUSTED. Each holds up to"
                    + " two file descriptors. Default 256: half of the usual limit on descriptors.");

    static final Set<ConfigKey<?>> ALL = Set.of(SLICE_SIZE, QUEUE_DEPTH, MAX_TRANSFERS);

    private ShmConfigKeys() {}
}
