package io.kvferry.engine;

import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * The attempts on one lease that are not over, or whose memory is in quarantine, and what is remembered of those that are:
 * many on a standing lease, else one at a time.
 *
 * <p><b>Threads:</b> Externally synchronized: by its lease.
 */
final class LeaseAttempts {
    private final LeaseRequest lease;
    private final Tombstones tombstones;
    private final SequencedMap<Key, TargetAttempt> attempts = new LinkedHashMap<>(2);
    private @Nullable TransferReport lastReport;
    private @Nullable TransferError lastError;

    private record Key(PeerIdentity peer, int number) {}

    LeaseAttempts(LeaseRequest lease, Tombstones tombstones) {
        this.lease = lease;
        this.tombstones = tombstones;
    }

    @Nullable
    TargetAttempt find(PeerIdentity peer, int number) {
        return attempts.get(new Key(peer, number));
    }

    void add(TargetAttempt attempt) {
        attempts.put(new Key(attempt.peer(), attempt.number()), attempt);
    }

    void remove(TargetAttempt attempt) {
        attempts.remove(new Key(attempt.peer(), attempt.number()), attempt);
    }

    /**
     * Finds the attempt that is in the way of a new one, if it is for the new one to replace it (R6).
     *
     * @throws TransferException ALREADY_EXISTS where it is not
     */
    @Nullable
    TargetAttempt inTheWayOf(PeerRequest.Prepare prepare) {
        if (lease.standing() || attempts.isEmpty()) {
            return null;
        }
        TargetAttempt other = attempts.firstEntry().getValue();
        boolean sameNode = other.peer().nodeId().equals(prepare.self().nodeId());
        boolean restarted = sameNode && other.peer().bootId() != prepare.self().bootId();
        if (other.isOver() || restarted || (sameNode && other.number() < prepare.attempt())) {
            return other;
        }
        throw new TransferException(
                TransferErrorCode.ALREADY_EXISTS,
                Stage.PREPARE,
                "the lease is in use by attempt " + other.number() + " of " + other.peer());
    }

    /** An attempt is decided: whatever of it comes late is answered from its tombstone. */
    void remember(TargetAttempt attempt, PeerReply.Finished reply, TransferReport report) {
        if (attempt.isInitiatorTold()) {
            tombstones.told(lease.id(), attempt.peer(), attempt.number(), lease.standing(), reply);
        } else {
            tombstones.untold(
                    lease.id(), attempt.peer(), attempt.number(), lease.standing(), reply, attempt.horizonNanos());
        }
        lastReport = report;
        lastError = reply.error();
    }

    /** An attempt that never came to this lease is over. */
    void rememberUnknown(PeerIdentity peer, int attempt, PeerReply.Finished reply) {
        tombstones.unknown(lease.id(), peer, attempt, lease.standing(), reply);
    }

    /** What the attempt reported that was decided last. */
    @Nullable
    TransferReport lastReport() {
        return lastReport;
    }

    @Nullable
    TransferError lastError() {
        return lastError;
    }

    boolean isEmpty() {
        return attempts.isEmpty();
    }

    int size() {
        return attempts.size();
    }

    /** The one that came last, of which the lease's status tells; null where many may come. */
    @Nullable
    TargetAttempt newest() {
        return lease.standing() || attempts.isEmpty()
                ? null
                : attempts.lastEntry().getValue();
    }

    List<TargetAttempt> all() {
        return List.copyOf(attempts.values());
    }
}
