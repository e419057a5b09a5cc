package io.kvferry.engine;

import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.ForeignTarget;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferObserver;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Prepares transfers whose other side knows no peer control: what peers would agree on, its backend's own words say.
 *
 * <p><b>Threads:</b> Thread-safe; prepare blocks its callers.
 */
final class ForeignTargets {
    private final EngineContext context;
    private final Backends backends;
    private final MemoryHolds holds;

    ForeignTargets(EngineContext context, Backends backends, MemoryHolds holds) {
        this.context = context;
        this.backends = backends;
        this.holds = holds;
    }

    Prepared prepare(
            TransferRequest request,
            TransferObserver observer,
            ForeignTarget target,
            Deadline deadline,
            Deadline whole) {
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
        MemoryHold hold = holds.initiator(request, selection.backend());
        try {
            InitiatorPlan plan = new InitiatorPlan(
                    request.id(),
                    request.attempt(),
                    request.operation(),
                    context.self(),
                    met.identity(),
                    target.endpoint(),
                    request.blocks(),
                    holds.handles(request.blocks(), selection.backend()),
                    checksum,
                    whole,
                    observer,
                    null);
            return new Prepared(
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
}
