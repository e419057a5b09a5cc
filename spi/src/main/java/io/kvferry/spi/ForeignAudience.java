package io.kvferry.spi;

/**
 * Initiators that know no peer control, as the backend that they reach names them to a target: nobody will ask for the
 * lease, so it is opened when it is offered. Backends of that kind make these.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param backend the name of that backend
 * @param proposal what such an initiator would propose
 * @since 0.1.0
 */
public record ForeignAudience(String backend, Proposal proposal) {}
