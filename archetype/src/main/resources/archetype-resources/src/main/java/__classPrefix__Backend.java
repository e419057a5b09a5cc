package ${package};

import io.kvferry.spi.AbortScope;
import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.BackendInfo;
import io.kvferry.spi.BackendLimits;
import io.kvferry.spi.Capability;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryKind;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.WireId;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;

/**
 * One opened backend. It keeps the contract from the first day, between engines of one JVM; README.md says what to replace.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class ${classPrefix}Backend implements TransferBackend {
    private static final long LOOK_NANOS = 1_000_000;

    /** STEP 3: what a network is to a real backend. A peer's lease is found through its endpoint, not through a map. */
    static final Map<Long, ${classPrefix}Target> LEASES = new ConcurrentHashMap<>();

    /** Every transfer that is not quiescent yet, on either side: to fence them, and to close. */
    private final Set<Side> sides = ConcurrentHashMap.newKeySet();

    private volatile boolean closed;

    /** STEP 5: declare what you can do. What you leave out is refused for you, and the suite checks that, too. */
    @Override
    public BackendInfo info() {
        return new BackendInfo(
                ${classPrefix}BackendProvider.NAME,
                new WireId("${backendName}", 1),
                EnumSet.of(
                        Capability.READ,
                        Capability.WRITE,
                        Capability.HOST_MEMORY,
                        Capability.PEER_CONTROL,
                        Capability.REVOKE,
                        Capability.CANCEL_IN_FLIGHT),
                Isolation.LEASE,
                AbortScope.TRANSFER,
                BackendLimits.NONE,
                "copies inside this JVM");
    }

    /** STEP 3: versioned bytes that a peer's instance can dial, such as an address and a port. */
    @Override
    public BackendEndpoint endpoint() {
        return BackendEndpoint.EMPTY;
    }

    /** STEP 2: register with your library; the handle's deregister is where you undo it. */
    @Override
    public MemoryHandle register(MemoryRegion region, Deadline deadline) {
        requireReady(Stage.REGISTER, deadline);
        if (region.kind() != MemoryKind.HOST) {
            throw new TransferException(
                    TransferErrorCode.UNSUPPORTED, Stage.REGISTER, "moves HOST memory, not " + region.kind());
        }
        return new ${classPrefix}Memory(region);
    }

    /** STEP 3: what the target must know before it accepts, such as a queue pair number. */
    @Override
    public Proposal propose(InitiatorPlan plan) {
        requireOpen(Stage.PREPARE);
        return Proposal.EMPTY;
    }

    /** Opens the leased memory to one initiator. Never waits for it. */
    @Override
    public TargetTransfer accept(TargetPlan plan, Proposal proposal, Deadline deadline) {
        requireReady(Stage.PREPARE, deadline);
        Side side = new Side(plan.id(), plan.attempt(), plan.peer(), plan.blocks(), plan.observer(), sides::remove);
        sides.add(side);
        return new ${classPrefix}Target(plan, side);
    }

    /** Does all that can fail before a byte moves: decodes, connects, checks that the peer's lease is the promised one. */
    @Override
    public InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline) {
        requireReady(Stage.PREPARE, deadline);
        ${classPrefix}Target target = ${classPrefix}Target.find(descriptor);
        Side side = new Side(plan.id(), plan.attempt(), plan.peer(), plan.blocks(), plan.observer(), sides::remove);
        sides.add(side);
        return new ${classPrefix}Initiator(plan, side, target);
    }

    /** STEP 6: the fence of last resort: destroy the connection, the mapping, the queue pair, until nothing can land. */
    @Override
    public void reset(ResetScope scope, Deadline deadline) {
        requireOpen(Stage.FINISH);
        List<Side> fenced = sides.stream().filter(side -> side.isIn(scope)).toList();
        fenced.forEach(side -> side.fail(TransferErrorCode.TRANSFER_FAILED, "taken down by a reset of " + scope));
        for (Side side : fenced) {
            if (!awaitQuiet(side, deadline)) {
                throw new TransferException(
                        TransferErrorCode.DEADLINE_EXCEEDED, Stage.FINISH, "a copy has not returned: " + side);
            }
        }
    }

    @Override
    public CloseReport close(Deadline deadline) {
        closed = true;
        List<String> abandoned = new ArrayList<>();
        for (Side side : List.copyOf(sides)) {
            side.fail(TransferErrorCode.SHUTTING_DOWN, "the backend was closed");
            if (!awaitQuiet(side, deadline)) {
                abandoned.add("memory of " + side + ": a copy has not returned");
            }
        }
        return new CloseReport(abandoned);
    }

    private static boolean awaitQuiet(Side side, Deadline deadline) {
        while (!side.isQuiet() && !deadline.isExpired()) {
            LockSupport.parkNanos(LOOK_NANOS);
        }
        return side.isQuiet();
    }

    private void requireReady(Stage stage, Deadline deadline) {
        requireOpen(stage);
        if (deadline.isExpired()) {
            throw new TransferException(TransferErrorCode.DEADLINE_EXCEEDED, stage, "the deadline had passed");
        }
    }

    private void requireOpen(Stage stage) {
        if (closed) {
            throw new TransferException(TransferErrorCode.SHUTTING_DOWN, stage, "the backend is closed");
        }
    }
}
