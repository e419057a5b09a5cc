package io.kvferry.engine;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.security.SecureRandom;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Lets peers' attempts in: over a backend that may serve them, bounded in number, each with an epoch of its own and with its
 * memory locked.
 *
 * <p><b>Threads:</b> Thread-safe. Calls no backend.
 */
final class TargetAttempts {
    private final EngineContext context;
    private final Backends backends;
    private final MemoryHolds holds;
    private final Quarantine quarantine;
    private final int max;
    private final AtomicInteger inHand = new AtomicInteger();
    /** From a random start, so that an epoch cannot be guessed by whom it was not told. */
    private final AtomicLong epochs = new AtomicLong(new SecureRandom().nextLong() >>> 1);

    TargetAttempts(EngineContext context, Backends backends, MemoryHolds holds, Quarantine quarantine) {
        this.context = context;
        this.backends = backends;
        this.holds = holds;
        this.quarantine = quarantine;
        this.max = context.settings().get(EngineConfigKeys.MAX_TRANSFERS);
    }

    /** The backend that a request asks for, if this engine may serve it by that. */
    OpenBackend backend(PeerRequest.Prepare request) {
        quarantine.checkRoom(Stage.PREPARE);
        OpenBackend backend = backends.byWire(request.wireId());
        if (backend == null) {
            throw new TransferException(
                    TransferErrorCode.INCOMPATIBLE_PEER,
                    Stage.PREPARE,
                    "no open backend speaks " + request.wireId() + "; open are "
                            + backends.open().stream().map(OpenBackend::name).toList());
        }
        if (!backend.serves()) {
            throw new TransferException(
                    TransferErrorCode.UNSUPPORTED,
                    Stage.PREPARE,
                    "backend " + backend.name() + " has isolation "
                            + backend.info().isolation()
                            + " < kvferry.min-isolation="
                            + context.settings().get(EngineConfigKeys.MIN_ISOLATION) + " of this target");
        }
        if (!backend.does(request.operation())) {
            throw new TransferException(
                    TransferErrorCode.UNSUPPORTED,
                    Stage.PREPARE,
                    "backend " + backend.name() + " of this target does not declare " + request.operation());
        }
        return backend;
    }

    /** Lets an attempt in, with its memory locked until it is quiescent. */
    TargetAttempt admit(TargetLease lease, PeerRequest.Prepare request, OpenBackend backend, LeaseMatch match) {
        if (inHand.incrementAndGet() > max) {
            inHand.decrementAndGet();
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.PREPARE,
                    max + " transfers are in hand at this target = its kvferry.max-transfers");
        }
        try {
            MemoryHold hold = holds.target(lease.id(), request.attempt(), match.blocks(), backend);
            Admission admission = new Admission(request, match, backend, hold, epochs.incrementAndGet());
            TargetAttempt attempt = new TargetAttempt(lease, context, admission);
            var ignored = attempt.over().thenRun(inHand::decrementAndGet);
            return attempt;
        } catch (TransferException e) {
            inHand.decrementAndGet();
            throw e;
        }
    }

    /** The registrations of an attempt's memory. */
    List<MemoryHandle> handles(BlockList blocks, OpenBackend backend) {
        return holds.handles(blocks, backend);
    }
}
