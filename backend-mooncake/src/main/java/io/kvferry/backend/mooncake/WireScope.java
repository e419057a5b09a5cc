package io.kvferry.backend.mooncake;

import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Ticker;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What everything of one wire engine shares. Thread-safe.
 *
 * @param refused requests, connections and handshakes that were refused
 */
record WireScope(MooncakeConfig config, Ticker ticker, Scheduler scheduler, AtomicLong refused) {}
