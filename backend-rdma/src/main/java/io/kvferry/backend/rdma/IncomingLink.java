package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.RdmaAdapter;
import io.kvferry.backend.rdma.adapter.RdmaBatch;
import io.kvferry.backend.rdma.adapter.RdmaEvents;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.TransferErrorCode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * The target's half of a connection and the leases that are reached through it. Thread-safe where it is called from leases
 * and the backend; the rest is the owner thread's.
 */
final class IncomingLink implements Link, RdmaEvents {
    /** After so many turns of the owner thread, each of which reads what has arrived, nobody has connected. */
    private static final int TURNS_TO_HEAR = 8;

    /** Which connection of which process: a number is the initiator's choice. */
    record Name(PeerIdentity peer, long instance, long number) {}

    private final Name name;
    private final OwnerThread owner;
    private final Half half;
    private final Consumer<IncomingLink> onDead;

    /** Leases by slot; guards itself, as leases come on any thread. */
    private final Map<Long, RdmaTarget> leases = new LinkedHashMap<>();

    private boolean dead; // guarded by leases

    // owner thread
    private boolean heard;

    IncomingLink(Name name, byte[] hello, RdmaAdapter adapter, OwnerThread owner, Consumer<IncomingLink> onDead) {
        this.name = name;
        this.owner = owner;
        this.onDead = onDead;
        this.half = new Half(owner, adapter.accept(hello, this));
    }

    Name name() {
        return name;
    }

    byte[] hello() {
        return half.connection().hello();
    }

    @Override
    public PeerIdentity peer() {
        return name.peer();
    }

    @Override
    public boolean isIdle() {
        synchronized (leases) {
            return leases.isEmpty();
        }
    }

    /** Puts a lease on the link. Returns false if the link is closing. */
    boolean add(RdmaTarget lease) {
        synchronized (leases) {
            if (!dead) {
                leases.put(lease.slot(), lease);
            }
            return !dead;
        }
    }

    void remove(RdmaTarget lease) {
        synchronized (leases) {
            leases.remove(lease.slot());
        }
    }

    private List<RdmaTarget> leases() {
        synchronized (leases) {
            return List.copyOf(leases.values());
        }
    }

    /** Asks the initiator to stop using a lease; one that has never been heard of cannot be asked, and is fenced. */
    void stop(RdmaTarget lease) {
        stop(lease, TURNS_TO_HEAR);
    }

    private void stop(RdmaTarget lease, int turns) {
        owner.execute(() -> {
            if (lease.isDrained()) {
                return;
            }
            if (!heard && turns > 0) {
                // its first word may wait to be read: FINISH takes another way and can be here before it
                stop(lease, turns - 1);
            } else if (!heard) {
                die(TransferErrorCode.CONNECTION_FAILED, "the initiator never connected");
            } else if (!half.send(Message.of(Message.Type.STOP, lease.slot(), lease.key()))) {
                die(TransferErrorCode.TRANSFER_FAILED, "the initiator does not read messages");
            }
        });
    }

    @Override
    public void connected() {
        heard = true;
    }

    @Override
    public void applied(RdmaBatch batch) {}

    @Override
    public void received(byte[] bytes) {
        heard = true;
        Message message = Message.decode(bytes);
        if (message == null) {
            return;
        }
        switch (message.type()) {
            case DRAINED -> find(message).ifPresent(RdmaTarget::drained);
            case APPLIED -> find(message).ifPresent(lease -> lease.applied(message.first(), message.count()));
            case GOODBYE -> die(TransferErrorCode.SHUTTING_DOWN, "the initiator closed its backend");
            case HELLO, STOP -> {}
        }
    }

    /** The lease that a message opens; none for one that is over, or was never there. */
    private Optional<RdmaTarget> find(Message message) {
        RdmaTarget lease;
        synchronized (leases) {
            lease = leases.get(message.slot());
        }
        return Optional.ofNullable(lease).filter(known -> message.opens(known.slot(), known.key()));
    }

    @Override
    public void failed(TransferErrorCode code, String detail) {
        die(code, detail);
    }

    private void die(TransferErrorCode code, String detail) {
        die(code, detail, false);
    }

    private void die(TransferErrorCode code, String detail, boolean goodbye) {
        synchronized (leases) {
            if (dead) {
                return;
            }
            dead = true;
        }
        onDead.accept(this);
        leases().forEach(lease -> lease.fail(code, detail));
        half.close(goodbye);
    }

    @Override
    public void closed() {
        leases().forEach(RdmaTarget::drained);
        half.closed().complete(null);
    }

    @Override
    public boolean carries(ResetTest test) {
        return leases().stream()
                .anyMatch(lease -> test.matches(lease.plan().id(), lease.plan().attempt()));
    }

    @Override
    public CompletableFuture<Void> close(TransferErrorCode code, String detail, boolean goodbye) {
        owner.execute(() -> die(code, detail, goodbye));
        return half.closed();
    }

    @Override
    public CompletableFuture<Void> whenClosed() {
        return half.closed();
    }

    @Override
    public String toString() {
        return "connection " + Long.toHexString(name.number()) + " from " + name.peer();
    }
}
