package io.kvferry.engine;

import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Side;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferStatus;
import java.util.List;

/**
 * What an engine has in hand at one moment.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param identity this process
 * @param transfers all that are not finished, initiator's and target's
 * @param leases offers that have not ended
 * @param memories registered pieces of memory
 * @param memoryBytes their size in all
 * @param quarantinedTransfers transfers that have ended with their memory still locked
 * @param quarantinedBytes the memory they lock
 * @param quarantine one line for each of them
 * @param tombstones ended attempts that are remembered so that latecomers are refused
 * @since 0.1.0
 */
public record EngineStatus(
        PeerIdentity identity,
        List<Entry> transfers,
        int leases,
        int memories,
        long memoryBytes,
        int quarantinedTransfers,
        long quarantinedBytes,
        List<String> quarantine,
        int tombstones) {
    /**
     * Copies the lists.
     */
    public EngineStatus {
        transfers = List.copyOf(transfers);
        quarantine = List.copyOf(quarantine);
    }

    /**
     * One transfer in hand.
     *
     * @param id the transfer
     * @param attempt its attempt
     * @param side which side this is
     * @param peer the other side
     * @param backend the backend
     * @param status how far it is
     * @param memory whether this side's memory is out of the data plane's reach
     * @param ageNanos since prepare was asked for
     */
    public record Entry(
            TransferId id,
            int attempt,
            Side side,
            String peer,
            String backend,
            TransferStatus status,
            Quiescence memory,
            long ageNanos) {}
}
