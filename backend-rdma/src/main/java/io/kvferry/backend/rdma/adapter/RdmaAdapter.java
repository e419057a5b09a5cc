package io.kvferry.backend.rdma.adapter;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.TransferException;

/**
 * One opened library on one device: registers memory, and holds the connections of this process.
 *
 * <p><b>Life cycle:</b> (1) connections are closed, and have reported {@code closed}, before {@code close}; (2) memory is
 * deregistered before {@code close}. Where the backend has to break that promise because a deadline passed, {@code close}
 * releases what it safely can and leaves the rest allocated: a leak, never a crash.
 *
 * <p><b>Threads:</b> one owner thread calls {@code progress} and {@code await} in turns; each method says who else may
 * call it. Events are delivered from inside {@code progress}, and from nowhere else.
 *
 * <p><b>Failure:</b> only {@link TransferException} leaves an adapter; native numbers are in its detail. Whatever a peer
 * sent is checked before the library sees it.
 *
 * @since 0.1.0
 */
public interface RdmaAdapter {
    /**
     * Describes what was opened.
     *
     * @return the same answer at every call, on any thread
     */
    RdmaAdapterInfo info();

    /**
     * Returns where peers' adapters reach this one: a socket address, a GID.
     *
     * @return versioned bytes of at most {@link RdmaConnection#MAX_HELLO_BYTES}, the same at every call, on any thread
     */
    byte[] address();

    /**
     * Registers memory for local use, and so that grants can be made of it. Any thread; may take long.
     *
     * @param region host memory that stays mapped until it is deregistered
     * @param deadline until when it may wait
     * @return the registration
     * @throws TransferException RESOURCE_EXHAUSTED where the limit on locked memory is reached, UNSUPPORTED
     */
    RdmaMemory register(MemoryRegion region, Deadline deadline);

    /**
     * Makes the initiator's half of a connection. Any thread; does not block and talks to nobody yet.
     *
     * @param address the peer's {@link #address()}; not trusted
     * @param events hears about this connection
     * @return a half whose {@link RdmaConnection#hello()} goes to the peer
     * @throws TransferException PROTOCOL_ERROR for an address that makes no sense, RESOURCE_EXHAUSTED
     */
    RdmaConnection connect(byte[] address, RdmaEvents events);

    /**
     * Makes the target's half of a connection. Any thread; does not wait for the initiator.
     *
     * @param hello the initiator's {@link RdmaConnection#hello()}; not trusted
     * @param events hears about this connection
     * @return a half whose {@link RdmaConnection#hello()} goes back; usable as soon as the initiator has it
     * @throws TransferException PROTOCOL_ERROR for bytes that make no sense, RESOURCE_EXHAUSTED
     */
    RdmaConnection accept(byte[] hello, RdmaEvents events);

    /**
     * Lets the library work and delivers events. Owner thread. Does not block. In this order: the library's progress,
     * completions, then events.
     *
     * @return whether anything happened; when not, the owner may {@link #await}
     */
    boolean progress();

    /**
     * Sleeps until there may be progress, {@link #wake} was called, or the time is over; may return early. Owner thread.
     *
     * @param maxNanos the longest sleep
     */
    void await(long maxNanos);

    /** Ends the current or the next {@link #await}. Any thread. */
    void wake();

    /** Releases the library. Owner thread, or any once that has ended. Idempotent; does not throw. */
    void close();
}
