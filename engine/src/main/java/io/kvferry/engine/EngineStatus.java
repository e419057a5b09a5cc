package io.kvferry.engine;

import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferStatus;
import java.util.ArrayList;
import java.util.List;

/**
 * What an engine has in hand at one moment.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param identity this process
 * @param transfers all that are not finished, initiator's and target's
 * @param offers leases that have not ended
 * @param memories registered pieces of memory
 * @param memoryBytes their size in all
 * @param quarantinedTransfers transfers that have ended with their memory still locked
 * @param quarantinedBytes the memory they lock
 * @param quarantine one line for each of them: id, attempt, side, backend, bytes
 * @param tombstones ended attempts that are remembered so that latecomers are refused
 * @param waitingPrepares peers' requests that wait for their offer
 * @since 0.1.0
 */
public record EngineStatus(
        PeerIdentity identity,
        List<Entry> transfers,
        List<Offer> offers,
        int memories,
        long memoryBytes,
        int quarantinedTransfers,
        long quarantinedBytes,
        List<String> quarantine,
        int tombstones,
        int waitingPrepares) {
    /**
     * Copies the lists.
     */
    public EngineStatus {
        transfers = List.copyOf(transfers);
        offers = List.copyOf(offers);
        quarantine = List.copyOf(quarantine);
    }

    /**
     * Returns how many leases have not ended.
     *
     * @return the number of offers
     */
    public int leases() {
        return offers.size();
    }

    /**
     * Says all of it to a person: a line for the whole, one for each transfer, lease and piece of quarantined memory.
     *
     * @return lines of words and {@code name=value}
     */
    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add("engine " + identity + " transfers=" + transfers.size() + " leases=" + leases() + " memory-bytes="
                + memoryBytes + " quarantined=" + quarantinedTransfers + " quarantined-bytes=" + quarantinedBytes
                + " tombstones=" + tombstones + " waiting-prepares=" + waitingPrepares);
        transfers.forEach(entry -> lines.add(entry.toString()));
        offers.forEach(offer -> lines.add(offer.toString()));
        quarantine.forEach(line -> lines.add("quarantine " + line));
        return lines;
    }

    private static String millis(long nanos) {
        return nanos / 1_000_000 + "ms";
    }

    /**
     * One transfer in hand.
     *
     * @param id the transfer
     * @param attempt its attempt
     * @param side which side this is
     * @param operation WRITE or READ
     * @param peer the other side
     * @param backend the backend; empty before it is chosen
     * @param lanes what the backend says of its lanes; empty for one without
     * @param status how far it is
     * @param stage what it is at, or where it failed
     * @param memory whether this side's memory is out of the data plane's reach
     * @param quarantinedBytes bytes that stay locked although it has ended
     * @param ageNanos since prepare was asked for
     * @param quietNanos since something of it was last seen to move
     * @param remainingNanos until its deadline; negative once that has passed
     */
    public record Entry(
            TransferId id,
            int attempt,
            Side side,
            Operation operation,
            String peer,
            String backend,
            String lanes,
            TransferStatus status,
            Stage stage,
            Quiescence memory,
            long quarantinedBytes,
            long ageNanos,
            long quietNanos,
            long remainingNanos) {
        /** One line for a person. */
        @Override
        public String toString() {
            TransferError error = status.error();
            return "transfer " + id + " attempt=" + attempt + " side=" + side + " operation=" + operation + " state="
                    + status.state() + " stage=" + stage + " peer=" + peer + " backend=" + backend
                    + (lanes.isEmpty() ? "" : " lanes='" + lanes + "'") + " bytes=" + status.bytesDone() + "/"
                    + status.bytesTotal() + " blocks=" + status.blocksDone() + "/" + status.blocksTotal() + " age="
                    + millis(ageNanos) + " last-progress=" + millis(quietNanos) + " deadline-in="
                    + millis(remainingNanos) + " memory=" + memory + " quarantined-bytes=" + quarantinedBytes
                    + (error == null ? "" : " error='" + error + "'");
        }
    }

    /**
     * One lease that has not ended.
     *
     * @param id the transfer that may use it
     * @param access what initiators may do
     * @param onlyFor node id of the only one allowed, or empty for any
     * @param standing whether many transfers may use it
     * @param attempts attempts on it that are in hand
     * @param blocks its blocks
     * @param bytes their size
     * @param ageNanos since it was offered
     * @param remainingNanos until it ends
     */
    public record Offer(
            TransferId id,
            Operation access,
            String onlyFor,
            boolean standing,
            int attempts,
            int blocks,
            long bytes,
            long ageNanos,
            long remainingNanos) {
        static Offer of(LeaseRequest request, int attempts, long ageNanos, long remainingNanos) {
            String only = request.onlyFor();
            return new Offer(
                    request.id(),
                    request.access(),
                    only == null ? "" : only,
                    request.standing(),
                    attempts,
                    request.blocks().size(),
                    request.blocks().totalBytes(),
                    ageNanos,
                    remainingNanos);
        }

        /** One line for a person. */
        @Override
        public String toString() {
            return "lease " + id + " access=" + access + " only-for=" + (onlyFor.isEmpty() ? "any" : onlyFor)
                    + " standing=" + standing + " attempts=" + attempts + " blocks=" + blocks + " bytes=" + bytes
                    + " age=" + millis(ageNanos) + " deadline-in=" + millis(remainingNanos);
        }
    }
}
