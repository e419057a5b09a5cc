package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.ForeignAudience;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;

/**
 * Offers memory to initiators that know no peer control, by asking for the lease in their name.
 *
 * <p><b>Threads:</b> Thread-safe; offer blocks its callers.
 */
final class ForeignOffers {
    /** Stands for whoever comes, where a lease names its initiator. */
    private static final PeerIdentity ANYBODY = new PeerIdentity("foreign", 0);

    private final EngineContext context;
    private final Backends backends;
    private final LeaseTable leases;

    ForeignOffers(EngineContext context, Backends backends, LeaseTable leases) {
        this.context = context;
        this.backends = backends;
        this.leases = leases;
    }

    Lease offer(LeaseRequest request, ForeignAudience audience, Deadline deadline) {
        OpenBackend backend = backends.byName(audience.backend());
        if (backend == null) {
            throw new TransferException(
                    TransferErrorCode.BACKEND_UNAVAILABLE,
                    Stage.OFFER,
                    "backend '" + audience.backend() + "' is not open: add it to kvferry.backend");
        }
        Lease lease = leases.offer(request, deadline);
        try {
            PeerRequest.Prepare prepare = new PeerRequest.Prepare(
                    request.id(),
                    1,
                    request.access(),
                    ANYBODY,
                    context.self(),
                    backend.info().wireId(),
                    request.blocks().blockKeys(),
                    TransferEnvelopes.seal(audience.proposal(), backend.info().wireId(), request.id(), 1, ANYBODY),
                    0);
            context.waits()
                    .get(
                            leases.prepare(prepare, deadline),
                            deadline,
                            Stage.OFFER,
                            "opening the lease by ",
                            backend.name());
            return lease;
        } catch (RuntimeException | Error e) {
            lease.close();
            throw e;
        }
    }
}
