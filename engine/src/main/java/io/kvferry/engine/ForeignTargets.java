package io.kvferry.engine;

import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.ForeignAudience;
import io.kvferry.spi.ForeignTarget;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Transfers whose other side knows no peer control: what peers would agree on, its backend's own words say.
 *
 * <p><b>Threads:</b> Thread-safe; prepare and offer block their callers.
 */
final class ForeignTargets {
    /** Stands for whoever comes, where a lease names its initiator. */
    private static final PeerIdentity ANYBODY = new PeerIdentity("foreign", 0);

    private final EngineContext context;
    private final Backends backends;
    private final MemoryRegistry memory;
    private final Quarantine quarantine;

    ForeignTargets(EngineContext context, Backends backends, MemoryRegistry memory, Quarantine quarantine) {
        this.context = context;
        this.backends = backends;
        this.memory = memory;
        this.quarantine = quarantine;
    }

    Transfer.Prepared prepare(
            Transfer transfer, TransferRequest request, ForeignTarget target, Deadline deadline, Deadline whole) {
        if (request.confirmed()) {
            throw new TransferException(
                    TransferErrorCode.UNSUPPORTED,
                    Stage.PREPARE,
                    target.address() + " knows no peer control and confirms nothing; ask for no confirmation");
        }
        TransferRequest named = request.backend(target.backend());
        ChecksumMode asked = request.checksum();
        ChecksumMode checksum = asked != null ? asked : ChecksumMode.OFF; // no foreign wire carries ours
        Peers.Met met = met(target);
        Selection selection = Selection.select(named, checksum, backends, met);
        Initiator.checkLimits(request.blocks(), selection.backend());
        MemoryHold hold = new MemoryHold(
                context,
                memory,
                quarantine,
                request.blocks(),
                selection.backend(),
                request.id(),
                request.attempt(),
                Side.INITIATOR);
        try {
            InitiatorPlan plan = new InitiatorPlan(
                    request.id(),
                    request.attempt(),
                    request.operation(),
                    context.self(),
                    met.identity(),
                    target.endpoint(),
                    request.blocks(),
                    memory.handles(request.blocks(), selection.backend()),
                    checksum,
                    whole,
                    transfer.observer(),
                    null);
            return new Transfer.Prepared(
                    selection,
                    met.name(),
                    request.blocks(),
                    Positions.SAME,
                    selection.backend().backend().prepare(plan, target.descriptor(), deadline.earlier(whole)),
                    null,
                    hold,
                    0,
                    whole,
                    "the transfer's deadline");
        } catch (RuntimeException | Error e) {
            // the backend's prepare did not return a transfer, so its data plane knows no memory of it
            hold.release();
            throw Failures.of(e, Stage.PREPARE);
        }
    }

    /** What a meeting would have told. */
    private Peers.Met met(ForeignTarget target) {
        List<@Nullable BackendEndpoint> endpoints = new ArrayList<>();
        List<String> refusals = new ArrayList<>();
        for (OpenBackend ours : backends.open()) {
            endpoints.add(ours.name().equals(target.backend()) ? target.endpoint() : null);
            refusals.add("");
        }
        String name = target.address().toString();
        return new Peers.Met(
                new PeerIdentity(name.length() > 128 ? "foreign" : name, 0), name, endpoints, List.of(), refusals);
    }

    /** Offers, and asks for the lease in the name of those who cannot. */
    static Lease offer(
            EngineContext context,
            Backends backends,
            LeaseTable leases,
            LeaseRequest request,
            ForeignAudience audience,
            Deadline deadline) {
        OpenBackend backend = backends.byName(audience.backend());
        if (backend == null) {
            throw new TransferException(
                    TransferErrorCode.BACKEND_UNAVAILABLE,
                    Stage.OFFER,
                    "backend '" + audience.backend() + "' is not open: add it to kvferry.backend");
        }
        Lease lease = leases.offer(request, deadline);
        try {
            Envelopes.Address proposal = new Envelopes.Address(
                    Envelopes.Kind.PROPOSAL, backend.info().wireId(), request.id(), 1, 0, ANYBODY.bootId());
            PeerRequest.Prepare prepare = new PeerRequest.Prepare(
                    request.id(),
                    1,
                    request.access(),
                    ANYBODY,
                    context.self(),
                    backend.info().wireId(),
                    request.blocks().blockKeys(),
                    Envelopes.seal(proposal, audience.proposal()),
                    Math.max(0, deadline.remainingNanos()));
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
