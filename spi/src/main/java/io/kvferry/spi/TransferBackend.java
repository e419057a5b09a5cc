package io.kvferry.spi;

import java.util.Optional;

/**
 * An opened backend: one way of moving bytes, ready to be initiator and target of many transfers.
 *
 * <p><b>Life cycle:</b> the engine promises: (1) {@code close} is called once it is done, and nothing but {@code close}
 * after it; (2) every transfer this instance returned is finished before; (3) memory in a plan is registered with this
 * instance. The backend promises: (1) nothing is reachable by a peer that no accepted plan names, to the declared
 * {@link Isolation}; (2) whatever arrives from a peer is validated before it has an effect, and never ends a thread;
 * (3) no method takes longer than the deadline it is given.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * <p><b>Failure:</b> only {@link TransferException} leaves a backend. Undeclared operations are UNSUPPORTED, calls after
 * close are SHUTTING_DOWN.
 *
 * @since 0.1.0
 */
public interface TransferBackend {
    /**
     * Describes this instance.
     *
     * @return the same answer at every call
     */
    BackendInfo info();

    /**
     * Returns where peers' instances reach this one.
     *
     * @return versioned bytes, the same at every call
     */
    BackendEndpoint endpoint();

    /**
     * Makes a region known to the backend. May be slow; done once per pool.
     *
     * @param region memory that stays mapped until the handle is deregistered
     * @param deadline until when it may wait
     * @return the registration
     * @throws TransferException UNSUPPORTED for a kind of memory that is not declared, RESOURCE_EXHAUSTED where a limit on
     *     locked memory is reached (the detail says which), DEADLINE_EXCEEDED
     */
    MemoryHandle register(MemoryRegion region, Deadline deadline);

    /**
     * Says what the target's instance must know before it accepts. Does not block and allocates nothing that would have to
     * be released.
     *
     * @param plan the transfer, without channel
     * @return bytes for the target's {@link #accept}, at most 1 MiB
     * @throws TransferException PROTOCOL_ERROR for an endpoint of the peer that makes no sense
     */
    Proposal propose(InitiatorPlan plan);

    /**
     * Opens leased memory to one transfer. MUST return without waiting for anything that the initiator still has to do.
     *
     * @param plan the transfer at this target
     * @param proposal what the initiator's instance proposed; not trusted
     * @param deadline until when it may wait
     * @return the target's side, with the descriptor for the initiator
     * @throws TransferException PROTOCOL_ERROR for a proposal that makes no sense, RESOURCE_EXHAUSTED, UNSUPPORTED
     */
    TargetTransfer accept(TargetPlan plan, Proposal proposal, Deadline deadline);

    /**
     * Connects, resolves, validates and allocates: everything that can fail before a byte moves. Blocks until done.
     *
     * @param plan the transfer
     * @param descriptor what the target's instance answered; not trusted
     * @param deadline until when it may wait
     * @return the initiator's side, ready to submit
     * @throws TransferException CONNECTION_FAILED, DEADLINE_EXCEEDED, PROTOCOL_ERROR, INCOMPATIBLE_PEER,
     *     RESOURCE_EXHAUSTED
     */
    InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline);

    /**
     * Fences: when it returns, this side's data plane no longer touches memory of any transfer in scope. Those transfers
     * fail (TRANSFER_FAILED for bystanders) and those in quarantine hear {@code quiesced()}.
     *
     * @param scope what to fence
     * @param deadline until when it may wait
     * @throws TransferException DEADLINE_EXCEEDED when the fence could not be proved in time
     */
    void reset(ResetScope scope, Deadline deadline);

    /**
     * Says who takes messages of peers that know no peer control. Called once at most, before the first transfer.
     *
     * @param messages takes them
     */
    default void listen(ForeignMessages messages) {}

    /**
     * Returns the copy port for device memory, where this backend brings one.
     *
     * @return the port, or empty
     */
    default Optional<DeviceMemory> deviceMemory() {
        return Optional.empty();
    }

    /**
     * Releases everything. Idempotent; never throws for a broken peer.
     *
     * @param deadline until when it may wait
     * @return what had to be left behind
     */
    CloseReport close(Deadline deadline);
}
