package io.kvferry.cli.bench;

/**
 * The messages of a benchmark, from the initiator to the target.
 *
 * <pre>
 * open {memory}                                          → {session}: so much memory is lent
 * lease {session, access, offset, block, count,
 *        standing, repeat}                               → {transfer.0, …}: as many leases, one behind the other in memory
 * cpu {}                                                 → {nanos}: processor time of the target's process
 * close {session}
 * </pre>
 */
final class BenchTopics {
    static final String OPEN = "kvferry.bench/open";
    static final String LEASE = "kvferry.bench/lease";
    static final String CPU = "kvferry.bench/cpu";
    static final String CLOSE = "kvferry.bench/close";

    /** Most leases of one message. */
    static final int MAX_REPEAT = 32;

    private BenchTopics() {}
}
