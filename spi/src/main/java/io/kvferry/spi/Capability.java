package io.kvferry.spi;

/**
 * What a backend can do. An <em>operation</em> that is not declared is refused with UNSUPPORTED; for a <em>guarantee</em>
 * that is not declared the engine takes the weaker path that its comment states.
 *
 * @since 0.1.0
 */
public enum Capability {
    /** Operation: reads the target's memory. */
    READ(false),
    /** Operation: writes the target's memory, with evidence that the bytes were applied. */
    WRITE(false),
    /** Operation: moves host memory. */
    HOST_MEMORY(false),
    /** Operation: moves CUDA memory. */
    CUDA_MEMORY(false),
    /** Operation: carries a checksum per block and compares it where the bytes arrive. */
    CHECKSUM(false),
    /** Operation: works under peer control: leases, parts, cancel and finish reach the other side. */
    PEER_CONTROL(false),
    /** Guarantee: the backend exchanges messages over the transfer's {@link PeerChannel}; without it none is opened. */
    PEER_CHANNEL(true),
    /**
     * Guarantee: a target can end a peer's access by itself; without it the memory of a lease that did not complete is
     * quarantined until the target says {@link TransferObserver#quiesced()}, whatever its finish has answered.
     */
    REVOKE(true),
    /** Guarantee: bytes in flight stop soon after finish; without it a cancelled transfer is quarantined until drained. */
    CANCEL_IN_FLIGHT(true),
    /** Guarantee: the target sees applied parts by itself; without it the initiator sends PART over peer control. */
    TARGET_PROGRESS(true);

    private final boolean guarantee;

    Capability(boolean guarantee) {
        this.guarantee = guarantee;
    }

    /**
     * Tells the two kinds apart.
     *
     * @return true for a guarantee, false for an operation
     */
    public boolean isGuarantee() {
        return guarantee;
    }
}
