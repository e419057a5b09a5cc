package io.kvferry.benchmarks;

import java.util.List;
import java.util.stream.Stream;

/**
 * What carries the bytes of {@code kvferry bench}.
 *
 * @param backend as the command takes it
 * @param settings more of its configuration, KEY=VALUE
 * @param setsCongestion whether it can be told its sockets' congestion control; else they run the machine's own
 * @param usesSockets whether it moves data over sockets, whose congestion control is looked at
 * @param showsSlowPhases whether the processor time of its senders tells a slow phase of the machine
 */
record Carrier(
        String backend, List<String> settings, boolean setsCongestion, boolean usesSockets, boolean showsSlowPhases) {
    static final Carrier TCP = new Carrier("tcp", List.of(), true, true, true);
    static final Carrier MOONCAKE = new Carrier("mooncake", List.of(), false, true, true);

    Carrier {
        settings = List.copyOf(settings);
    }

    /** The backend rdma over UCX's TCP. Its threads poll, which costs processor time however fast the machine is. */
    static Carrier ucxTcp() {
        return ucx(List.of("kvferry.rdma.ucx.transports=tcp"), true);
    }

    /** The backend rdma over memory that two processes reach into. */
    static Carrier ucxSharedMemory() {
        return ucx(List.of("kvferry.rdma.ucx.transports=posix,cma", "kvferry.rdma.ucx.peer-errors=false"), false);
    }

    private static Carrier ucx(List<String> settings, boolean usesSockets) {
        return new Carrier(
                "rdma",
                Stream.concat(Stream.of("kvferry.rdma.provider=ucx"), settings.stream())
                        .toList(),
                false,
                usesSockets,
                false);
    }
}
