package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.RdmaAdapter;
import io.kvferry.backend.rdma.adapter.RdmaBatch;
import io.kvferry.backend.rdma.adapter.RdmaEvents;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The initiator's half of a connection and the transfers on it, which post in turns. Thread-safe where it is called from
 * transfers and the backend; the rest is the owner thread's.
 */
final class OutgoingLink implements Link, RdmaEvents {
    private static final int MAX_STOPPED = 4096;

    private final long number;
    private final PeerIdentity peer;
    private final long peerInstance;
    private final OwnerThread owner;
    private final RdmaSettings settings;
    private final Half half;
    private final Consumer<OutgoingLink> onDead;
    private final boolean tellsTarget;
    private final CompletableFuture<Void> ready = new CompletableFuture<>();
    private final AtomicInteger queued = new AtomicInteger();
    private final AtomicInteger users = new AtomicInteger();
    private volatile boolean dead;

    /** Transfers by slot; changed by the owner thread alone. */
    private final Map<Long, RdmaInitiator> transfers = new ConcurrentHashMap<>();

    // owner thread
    private final PostQueue posts;
    /** Leases that ended before they were opened here. A link that has seen too many is replaced. */
    private final Set<Long> stopped = new HashSet<>();

    private byte @Nullable [] answer;

    /** @param onDead runs on the owner thread once the link cannot be used for another transfer */
    OutgoingLink(
            long number,
            PeerIdentity peer,
            RdmaEndpoint endpoint,
            RdmaAdapter adapter,
            OwnerThread owner,
            RdmaSettings settings,
            Consumer<OutgoingLink> onDead) {
        this.number = number;
        this.peer = peer;
        this.peerInstance = endpoint.instance();
        this.owner = owner;
        this.settings = settings;
        this.onDead = onDead;
        this.tellsTarget = adapter.info().targetTakesPart();
        this.half = new Half(owner, adapter.connect(endpoint.address(), this));
        this.posts = new PostQueue(
                half.connection(), new Cutter(adapter.info(), settings.batchBytes()), settings.windowBytes());
    }

    long number() {
        return number;
    }

    long peerInstance() {
        return peerInstance;
    }

    byte[] hello() {
        return half.connection().hello();
    }

    @Override
    public PeerIdentity peer() {
        return peer;
    }

    boolean isDead() {
        return dead;
    }

    @Override
    public boolean isIdle() {
        return users.get() == 0;
    }

    void use() {
        users.incrementAndGet();
    }

    void unuse() {
        users.decrementAndGet();
    }

    void execute(Runnable task) {
        if (owner.isCurrent()) {
            task.run();
        } else {
            owner.execute(task);
        }
    }

    /** Connects to the half that the target made; completes when transfers can be opened, for all of them alike. */
    CompletableFuture<Void> establish(byte[] targetHello) {
        execute(() -> {
            if (answer == null) {
                answer = targetHello;
                try {
                    half.connection().establish(targetHello);
                } catch (TransferException e) {
                    die(e.code(), e.error().detail());
                }
            } else if (!Arrays.equals(answer, targetHello)) {
                die(TransferErrorCode.CONNECTION_FAILED, "the target has lost its half of the connection; try again");
            }
        });
        return ready;
    }

    /** Opens a transfer on the connected link; completes when it can be submitted. */
    CompletableFuture<Void> open(RdmaInitiator transfer) {
        CompletableFuture<Void> opened = new CompletableFuture<>();
        execute(() -> {
            try {
                if (dead) {
                    throw new TransferException(
                            TransferErrorCode.CONNECTION_FAILED, Stage.PREPARE, "the connection was closed; try again");
                }
                if (stopped.contains(transfer.lease().slot())) {
                    throw new TransferException(
                            TransferErrorCode.LEASE_ENDED,
                            Stage.PREPARE,
                            "the target ended the lease before it was used");
                }
                transfer.importKeys(half.connection());
                transfers.put(transfer.lease().slot(), transfer);
                opened.complete(null);
            } catch (TransferException e) {
                opened.completeExceptionally(e);
            }
        });
        return opened;
    }

    void submit(RdmaInitiator transfer, BlockRange blocks) {
        if (queued.incrementAndGet() > settings.queueDepth()) {
            queued.decrementAndGet();
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.SUBMIT,
                    "submitted parts on one connection exceed kvferry.rdma.queue-depth=" + settings.queueDepth());
        }
        execute(() -> {
            if (dead) {
                dequeued(1);
                return;
            }
            if (transfer.add(blocks)) {
                posts.add(transfer);
            }
            posts.pump();
        });
    }

    /** Owner thread: so many ranges do not wait any more. */
    void dequeued(int ranges) {
        queued.addAndGet(-ranges);
    }

    @Override
    public void connected() {
        if (!dead) {
            half.send(Message.of(Message.Type.HELLO));
            ready.complete(null);
        }
    }

    @Override
    public void applied(RdmaBatch batch) {
        if (batch instanceof Part part && posts.remove(part)) {
            part.transfer().applied(part);
            posts.pump();
        }
    }

    @Override
    public void received(byte[] bytes) {
        Message message = Message.decode(bytes);
        if (message == null) {
            return;
        }
        switch (message.type()) {
            case STOP -> stop(message);
            case GOODBYE -> die(TransferErrorCode.SHUTTING_DOWN, "the target closed its backend");
            case HELLO, DRAINED, APPLIED -> {}
        }
    }

    private void stop(Message message) {
        RdmaInitiator transfer = transfers.get(message.slot());
        if (transfer == null) {
            // over already, or not opened yet: then it never will be, as the target counts on the answer
            if (stopped.size() < MAX_STOPPED && stopped.add(message.slot())) {
                say(Message.of(Message.Type.DRAINED, message.slot(), message.key()));
            } else if (!stopped.contains(message.slot())) {
                die(TransferErrorCode.CONNECTION_FAILED, "the target ended too many leases unused; try again");
            }
        } else if (message.opens(transfer.lease().slot(), transfer.lease().key())) {
            transfer.fail(TransferErrorCode.LEASE_ENDED, "the target ended the lease before all was applied");
            transfer.settle();
        }
    }

    @Override
    public void failed(TransferErrorCode code, String detail) {
        die(code, detail);
    }

    private void die(TransferErrorCode code, String detail) {
        die(code, detail, false);
    }

    /** Fails what is on the link and begins to close it. */
    private void die(TransferErrorCode code, String detail, boolean goodbye) {
        if (dead) {
            return;
        }
        dead = true;
        posts.stop();
        onDead.accept(this);
        ready.completeExceptionally(new TransferException(code, Stage.PREPARE, detail));
        List.copyOf(transfers.values()).forEach(transfer -> transfer.fail(code, detail));
        half.close(goodbye);
    }

    @Override
    public void closed() {
        List.copyOf(transfers.values()).forEach(RdmaInitiator::abandon);
        posts.giveUp();
        half.closed().complete(null);
    }

    void drained(RdmaInitiator transfer) {
        RdmaDescriptor lease = transfer.lease();
        say(Message.of(Message.Type.DRAINED, lease.slot(), lease.key()));
    }

    /** Owner thread: the target learns of it, where it takes part in what moves the bytes. */
    void applied(RdmaInitiator transfer, BlockRange blocks) {
        RdmaDescriptor lease = transfer.lease();
        if (tellsTarget && lease.operation() == Operation.WRITE) {
            say(new Message(Message.Type.APPLIED, lease.slot(), lease.key(), blocks.first(), blocks.count()));
        }
    }

    private void say(Message message) {
        if (!half.send(message)) {
            die(TransferErrorCode.TRANSFER_FAILED, "the target does not read messages");
        }
    }

    void remove(RdmaInitiator transfer) {
        transfers.remove(transfer.lease().slot(), transfer);
    }

    @Override
    public boolean carries(ResetTest test) {
        return transfers.values().stream()
                .anyMatch(transfer ->
                        test.matches(transfer.plan().id(), transfer.plan().attempt()));
    }

    @Override
    public CompletableFuture<Void> close(TransferErrorCode code, String detail, boolean goodbye) {
        execute(() -> die(code, detail, goodbye));
        return half.closed();
    }

    @Override
    public CompletableFuture<Void> whenClosed() {
        return half.closed();
    }

    @Override
    public String toString() {
        return "connection " + Long.toHexString(number) + " to " + peer;
    }
}
