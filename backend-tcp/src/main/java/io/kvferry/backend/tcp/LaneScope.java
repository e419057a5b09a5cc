package io.kvferry.backend.tcp;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Ticker;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What all lanes of one backend share. Immutable; its parts are thread-safe.
 *
 * @param instance this backend's random name, by which peers tell it from a later process on the same port
 * @param leases transfers accepted here
 * @param initiated transfers prepared here
 * @param refused frames and connections that were refused
 */
record LaneScope(
        TcpBackendConfig config,
        long instance,
        Ticker ticker,
        Scheduler scheduler,
        TransferTable leases,
        TransferTable initiated,
        AtomicLong refused) {

    /** Until when a peer may take to answer a goodbye, from now. */
    Deadline longestGoodbye() {
        return Deadline.after(config.connectTimeout(), ticker);
    }
}
