package io.kvferry.engine;

import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.BackendOffer;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The peers this engine has met: who they are and which backends they offer. Bounded; forgotten peers are met again.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class Peers {
    /** Generation of peer control this engine speaks. */
    static final int PROTOCOL = 1;

    private static final Logger LOG = LoggerFactory.getLogger(Peers.class);

    private final EngineContext context;
    private final PeerControl peerControl;
    private final Backends backends;
    private final String compatibility;
    private final int maxPeers;

    private final Object lock = new Object();
    // guarded by lock: by last use
    private final LinkedHashMap<PeerAddress, CompletableFuture<Met>> meetings = new LinkedHashMap<>(16, 0.75f, true);
    private final LinkedHashMap<PeerAddress, PeerIdentity> identities = new LinkedHashMap<>(16, 0.75f, true);

    Peers(EngineContext context, PeerControl peerControl, Backends backends) {
        this.context = context;
        this.peerControl = peerControl;
        this.backends = backends;
        this.compatibility = context.settings().get(EngineConfigKeys.COMPATIBILITY);
        this.maxPeers = context.settings().get(EngineConfigKeys.MAX_PEERS);
    }

    /**
     * A peer that was met.
     *
     * @param identity who it is
     * @param name who and where, for people
     * @param endpoints per open backend of ours, by its index: the peer's endpoint, or null where it has none
     * @param offers what it offers
     * @param refusals per open backend of ours, by its index: why it has no endpoint, or empty
     */
    record Met(
            PeerIdentity identity,
            String name,
            List<@Nullable BackendEndpoint> endpoints,
            List<BackendOffer> offers,
            List<String> refusals) {}

    /** Meets a peer, or answers what is known of it. Blocks. */
    Met meet(PeerAddress peer, Deadline deadline) {
        CompletableFuture<Met> meeting = meeting(peer);
        if (meeting.isDone() && !meeting.isCompletedExceptionally()) {
            return meeting.join();
        }
        // a copy: this caller's deadline must not end the meeting for others
        return context.waits().get(meeting.copy(), deadline, Stage.HELLO, "the answer to HELLO from ", peer);
    }

    /** Forgets what a meeting told, so that the next transfer meets the peer anew. */
    void forget(PeerAddress peer) {
        synchronized (lock) {
            meetings.remove(peer);
        }
    }

    PeerRequest.Hello hello() {
        return new PeerRequest.Hello(
                context.self(), PROTOCOL, TransferEngine.SOFTWARE, compatibility, backends.offers());
    }

    /** Answers a peer's HELLO. */
    PeerReply.Welcome welcome(PeerRequest.Hello hello) {
        check(hello.protocol(), hello.compatibility(), hello.self().toString());
        return new PeerReply.Welcome(
                context.self(),
                Math.min(PROTOCOL, hello.protocol()),
                TransferEngine.SOFTWARE,
                compatibility,
                backends.offers());
    }

    private CompletableFuture<Met> meeting(PeerAddress peer) {
        CompletableFuture<Met> meeting;
        synchronized (lock) {
            CompletableFuture<Met> known = meetings.get(peer);
            if (known != null && !known.isCompletedExceptionally()) {
                return known;
            }
            meeting = new CompletableFuture<>();
            meetings.put(peer, meeting);
            trim(meetings);
        }
        Deadline budget = context.after(context.settings().get(EngineConfigKeys.HELLO_TIMEOUT));
        var ignored = peerControl.call(peer, hello(), budget).whenComplete((welcome, failure) -> {
            if (failure != null) {
                meeting.completeExceptionally(Failures.of(failure, Stage.HELLO));
                return;
            }
            try {
                meeting.complete(met(peer, welcome));
            } catch (RuntimeException | Error e) {
                meeting.completeExceptionally(Failures.of(e, Stage.HELLO));
            }
        });
        return meeting;
    }

    private Met met(PeerAddress peer, PeerReply.Welcome welcome) {
        check(welcome.protocol(), welcome.compatibility(), welcome.self() + "@" + peer);
        if (welcome.protocol() > PROTOCOL) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR,
                    Stage.HELLO,
                    peer + " chose protocol " + welcome.protocol() + ", offered was " + PROTOCOL);
        }
        PeerIdentity before;
        synchronized (lock) {
            before = identities.put(peer, welcome.self());
            trim(identities);
        }
        if (before != null && !before.equals(welcome.self())) {
            context.executor().execute(() -> invalidate(before));
        }
        List<@Nullable BackendEndpoint> endpoints = new ArrayList<>();
        List<String> refusals = new ArrayList<>();
        for (OpenBackend ours : backends.open()) {
            resolve(ours, welcome, endpoints, refusals);
        }
        return new Met(welcome.self(), welcome.self() + "@" + peer, endpoints, welcome.offers(), List.copyOf(refusals));
    }

    private static void resolve(
            OpenBackend ours,
            PeerReply.Welcome welcome,
            List<@Nullable BackendEndpoint> endpoints,
            List<String> refusals) {
        for (BackendOffer theirs : welcome.offers()) {
            if (theirs.wireId().equals(ours.info().wireId())) {
                try {
                    endpoints.add(new BackendEndpoint(Envelopes.open(
                            Envelopes.Address.ofEndpoint(
                                    theirs.wireId(), welcome.self().bootId()),
                            theirs.endpoint())));
                    refusals.add("");
                } catch (TransferException e) {
                    endpoints.add(null);
                    refusals.add(e.error().detail());
                }
                return;
            }
        }
        endpoints.add(null);
        refusals.add(
                "the peer does not offer " + ours.info().wireId()
                        + "; its kvferry.backend must name it, and its kvferry.min-isolation and kvferry.staging must admit it");
    }

    /** Whatever is kept for a process that is gone must not be used for its successor (R13). */
    private void invalidate(PeerIdentity gone) {
        LOG.info("peer {} has restarted; what was kept for it is dropped", gone);
        for (OpenBackend backend : backends.open()) {
            try {
                backend.backend().reset(new ResetScope.Peer(gone), context.finishGrace());
            } catch (RuntimeException e) {
                LOG.warn("backend {} could not drop what it keeps for {}", backend.name(), gone, e);
            }
        }
    }

    private void check(int protocol, String theirs, String who) {
        if (protocol < 1) {
            throw new TransferException(
                    TransferErrorCode.INCOMPATIBLE_PEER,
                    Stage.HELLO,
                    who + " speaks protocol " + protocol + ", known are 1 to " + PROTOCOL);
        }
        if (!compatibility.isEmpty() && !theirs.isEmpty() && !compatibility.equals(theirs)) {
            throw new TransferException(
                    TransferErrorCode.INCOMPATIBLE_PEER,
                    Stage.HELLO,
                    "kvferry.compatibility differs: '" + compatibility + "' here, '" + theirs + "' at " + who);
        }
    }

    private <V> void trim(SequencedMap<PeerAddress, V> map) {
        if (map.size() > maxPeers) {
            Map.Entry<PeerAddress, V> eldest = map.firstEntry();
            map.remove(eldest.getKey());
        }
    }
}
