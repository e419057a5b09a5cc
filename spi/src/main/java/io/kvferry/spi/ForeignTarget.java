package io.kvferry.spi;

/**
 * A target that knows no peer control, as the backend that reaches it names it to an initiator: where it is, and where its
 * blocks are. Backends of that kind make these.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param backend the name of that backend
 * @param address where it is, for people
 * @param endpoint what the backend dials
 * @param descriptor where the blocks are
 * @since 0.1.0
 */
public record ForeignTarget(String backend, PeerAddress address, BackendEndpoint endpoint, Descriptor descriptor) {}
