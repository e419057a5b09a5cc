package io.kvferry.spi;

/**
 * What the engine shares with its backends and its peer control.
 *
 * <p><b>Threads:</b> Immutable; its parts are thread-safe.
 *
 * @param self this process
 * @param ticker the clock; there is no other (R3)
 * @param scheduler runs things when deadlines pass
 * @param bindHost the local address to listen on
 * @param advertisedHost the address that peers dial
 * @since 0.1.0
 */
public record BackendEnvironment(
        PeerIdentity self, Ticker ticker, Scheduler scheduler, String bindHost, String advertisedHost) {}
