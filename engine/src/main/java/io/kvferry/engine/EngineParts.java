package io.kvferry.engine;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.PeerControlProvider;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The parts of one engine, put together all or none.
 *
 * @param context what all of them share
 * @param threads what they run on
 * @param backends those that are open
 * @param memory what is registered
 * @param quarantine memory whose transfer has ended and that may still be touched
 * @param leases the target's side
 * @param foreignOffers the target's side for those without peer control
 * @param initiator the initiator's side
 * @param peerControl messages to peers
 * @param notices messages between applications
 * @param address where peers reach it
 */
record EngineParts(
        EngineContext context,
        EngineThreads threads,
        Backends backends,
        MemoryRegistry memory,
        Quarantine quarantine,
        LeaseTable leases,
        ForeignOffers foreignOffers,
        Initiator initiator,
        PeerControl peerControl,
        ApplicationNotices notices,
        PeerAddress address) {

    static EngineParts open(
            KvFerryConfig config, Ticker ticker, @Nullable Scheduler scheduler, List<TransferListener> listeners) {
        BackendConfig settings = config.values();
        PeerIdentity self = identity(settings);
        EngineThreads threads = new EngineThreads(ticker, scheduler);
        EngineContext context = new EngineContext(
                self, settings, ticker, threads.scheduler(), threads::execute, new Waits(ticker, threads.scheduler()));
        BackendEnvironment environment = environment(context);
        Backends backends = null;
        PeerControl peerControl = null;
        try {
            backends = Backends.open(config.providers().backends(), context, environment);
            peerControl = control(config.providers(), settings, environment);
            return connect(context, threads, backends, peerControl, listeners);
        } catch (RuntimeException | Error e) {
            giveUp(context, threads, backends, peerControl);
            throw Failures.of(e, Stage.OPEN);
        }
    }

    private static EngineParts connect(
            EngineContext context,
            EngineThreads threads,
            Backends backends,
            PeerControl peerControl,
            List<TransferListener> listeners) {
        BackendConfig settings = context.settings();
        Quarantine quarantine = new Quarantine(settings.get(EngineConfigKeys.MAX_QUARANTINED));
        MemoryRegistry memory = new MemoryRegistry(context, backends);
        MemoryHolds holds = new MemoryHolds(context, memory, quarantine);
        Peers peers = new Peers(context, peerControl, backends);
        TargetAttempts attempts = new TargetAttempts(context, backends, holds, quarantine);
        LeaseTable leases = new LeaseTable(context, memory, quarantine, attempts, listeners);
        ApplicationNotices notices = new ApplicationNotices(context, peerControl);
        backends.open().forEach(open -> open.backend().listen(notices.foreign(open.name())));
        EnginePeerService service = new EnginePeerService(context, peers, leases, notices);
        return new EngineParts(
                context,
                threads,
                backends,
                memory,
                quarantine,
                leases,
                new ForeignOffers(context, backends, leases),
                new Initiator(context, backends, holds, quarantine, peers, peerControl, listeners),
                peerControl,
                notices,
                peerControl.start(service, context.after(settings.get(EngineConfigKeys.OPEN_TIMEOUT))));
    }

    private static PeerIdentity identity(BackendConfig settings) {
        long bootId = new SecureRandom().nextLong();
        String node = settings.get(EngineConfigKeys.NODE_ID);
        try {
            return new PeerIdentity(node.isEmpty() ? "node-" + Long.toHexString(bootId) : node, bootId);
        } catch (IllegalArgumentException e) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.OPEN,
                    "kvferry.node-id = " + node + ": " + e.getMessage(),
                    e);
        }
    }

    private static BackendEnvironment environment(EngineContext context) {
        String bind = context.settings().get(EngineConfigKeys.BIND_HOST);
        String advertised = context.settings().get(EngineConfigKeys.ADVERTISED_HOST);
        return new BackendEnvironment(
                context.self(), context.ticker(), context.scheduler(), bind, advertised.isEmpty() ? bind : advertised);
    }

    private static PeerControl control(Providers providers, BackendConfig settings, BackendEnvironment environment) {
        String name = settings.get(EngineConfigKeys.PEER_CONTROL);
        PeerControlProvider provider = providers.peerControls().get(name);
        if (provider == null) {
            throw new TransferException(
                    TransferErrorCode.BACKEND_UNAVAILABLE,
                    Stage.OPEN,
                    "kvferry.peer-control names '" + name + "', on the class path are "
                            + providers.peerControls().keySet()
                            + ": add the artifact io.kvferry:kvferry-control-peer or change the key");
        }
        return provider.open(settings, environment);
    }

    private static void giveUp(
            EngineContext context,
            EngineThreads threads,
            @Nullable Backends backends,
            @Nullable PeerControl peerControl) {
        Deadline deadline = context.after(context.settings().get(EngineConfigKeys.CLOSE_TIMEOUT));
        ClosingSteps steps = new ClosingSteps();
        if (peerControl != null) {
            steps.run("peer control", () -> peerControl.close(deadline));
        }
        if (backends != null) {
            steps.run("backends", () -> backends.close(deadline));
        }
        context.waits().endClose();
        steps.run("threads", () -> threads.stop(deadline));
    }

    /** What is in hand. */
    EngineStatus status() {
        List<EngineStatus.Entry> entries = new ArrayList<>();
        initiator.inHand().forEach(attempt -> entries.add(attempt.entry()));
        Collection<TargetLease> offered = leases.all();
        for (TargetLease lease : offered) {
            lease.attempts().forEach(attempt -> entries.add(attempt.entry()));
        }
        List<Memory> memories = memory.all();
        return new EngineStatus(
                context.self(),
                entries,
                offered.stream().map(TargetLease::offer).toList(),
                memories.size(),
                memories.stream().mapToLong(each -> each.region().sizeBytes()).sum(),
                quarantine.size(),
                quarantine.bytes(),
                quarantine.describe(),
                leases.tombstones().size(),
                leases.waitingPrepares());
    }
}
