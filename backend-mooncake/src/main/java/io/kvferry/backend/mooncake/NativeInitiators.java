package io.kvferry.backend.mooncake;

import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TimedWait;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Prepares transfers of this side by the native engine: opens the target's segment and asks the target for leave to begin.
 * Thread-safe; prepare blocks its caller.
 */
final class NativeInitiators {
    private static final Logger LOG = LoggerFactory.getLogger(NativeInitiators.class);

    private final NativeConfig config;
    private final BackendEnvironment environment;
    private final NativeDriver driver;
    private final NativeTransfers<NativeInitiator> transfers;

    NativeInitiators(NativeConfig config, BackendEnvironment environment, NativeDriver driver) {
        this.config = config;
        this.environment = environment;
        this.driver = driver;
        this.transfers = new NativeTransfers<>(config.maxTransfers());
    }

    Set<NativeInitiator> all() {
        return transfers.all();
    }

    InitiatorTransfer prepare(InitiatorPlan plan, WireDescriptor offered, Deadline until) {
        WireEndpoint peer = WireEndpoint.decode(plan.peerEndpoint());
        NativeEngine engine = driver.engine();
        return switch (offered) {
            case WireDescriptor.Native lease -> {
                check(plan, peer, lease);
                int id = await(
                        engine.open(lease.segment(), lease.incarnation() ^ lease.registrations()),
                        until,
                        "opening segment " + lease.segment());
                yield prepare(plan, engine, lease.segment(), id, lease.addresses(), until);
            }
            case WireDescriptor.Addresses foreign -> {
                checkSize(plan, foreign.addresses().length);
                int id = await(engine.openAnew(peer.segment()), until, "opening segment " + peer.segment());
                InitiatorPlan told = foreign.subject().isEmpty()
                        ? plan
                        : withObserver(plan, () -> notify(engine, peer.segment(), id, foreign));
                yield prepare(told, engine, peer.segment(), id, foreign.addresses(), until);
            }
            case WireDescriptor.InBuffer place ->
                throw new TransferException(
                        TransferErrorCode.UNSUPPORTED,
                        Stage.PREPARE,
                        "the native engine does not say where a segment's buffers are: give addresses, or set"
                                + " kvferry.mooncake.engine=wire");
            case WireDescriptor.Lease other ->
                throw new TransferException(
                        TransferErrorCode.INCOMPATIBLE_PEER,
                        Stage.PREPARE,
                        "the peer runs kvferry.mooncake.engine=wire, and this node the native one; set both alike");
        };
    }

    private InitiatorTransfer prepare(
            InitiatorPlan plan, NativeEngine engine, String name, int id, long[] addresses, Deadline until) {
        NativeInitiator transfer = transfers.add(
                Stage.PREPARE, released -> new NativeInitiator(plan, engine, name, id, addresses, driver, released));
        try {
            await(transfer.join(), until, "the target's leave to begin");
            return transfer;
        } catch (TransferException refused) {
            transfer.finish(until);
            throw refused;
        }
    }

    private static InitiatorPlan withObserver(InitiatorPlan plan, Runnable complete) {
        return new InitiatorPlan(
                plan.id(),
                plan.attempt(),
                plan.operation(),
                plan.self(),
                plan.peer(),
                plan.peerEndpoint(),
                plan.blocks(),
                plan.handles(),
                plan.checksum(),
                plan.deadline(),
                new NotifyingObserver(plan.observer(), plan.blocks().size(), complete, () -> {}),
                plan.channel());
    }

    private static void notify(NativeEngine engine, String name, int id, WireDescriptor.Addresses told) {
        var ignored = engine.notify(id, told.subject(), told.text()).whenComplete((done, failure) -> {
            if (failure != null) {
                LOG.warn("{} was not notified: {}", name, failure.getMessage());
            }
        });
    }

    private void check(InitiatorPlan plan, WireEndpoint peer, WireDescriptor.Native lease) {
        if (lease.incarnation() != peer.incarnation()) {
            throw new TransferException(
                    TransferErrorCode.PEER_RESTARTED,
                    Stage.PREPARE,
                    "the descriptor comes from another instance than the endpoint of " + plan.peer()
                            + "; meet the peer again");
        }
        checkSize(plan, lease.addresses().length);
        if (plan.operation() == Operation.WRITE && config.isTcp() && !lease.acknowledged()) {
            throw new TransferException(
                    TransferErrorCode.UNSUPPORTED,
                    Stage.PREPARE,
                    "the libtransfer_engine of " + plan.peer() + " is older than v0.3.12 and answers no WRITE over tcp;"
                            + " upgrade it, or let that side READ");
        }
    }

    private static void checkSize(InitiatorPlan plan, int addresses) {
        if (addresses != plan.blocks().size()) {
            throw new TransferException(
                    TransferErrorCode.BUFFER_MISMATCH,
                    Stage.PREPARE,
                    addresses + " addresses for " + plan.blocks().size() + " blocks");
        }
    }

    private <T> T await(CompletableFuture<T> future, Deadline until, String what) {
        return TimedWait.await(future, until, environment.scheduler(), Stage.PREPARE, what);
    }
}
