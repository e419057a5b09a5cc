package io.kvferry.backend.inprocess;

import io.kvferry.spi.BlockClaims;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.LeaseKey;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferStatus;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * The target's side: opens to the one initiator that shows the key. In two-sided mode it also copies what is announced.
 * Thread-safe.
 */
final class InProcessTarget implements TargetTransfer {
    private final TargetPlan plan;
    private final InstanceId initiatorInstance;
    private final LeaseDescriptor lease;
    private final TransferSide side;
    private final Worker worker;
    private final AtomicReference<@Nullable Link> link = new AtomicReference<>();
    private final BlockClaims announced;

    InProcessTarget(
            TargetPlan plan, InstanceId initiatorInstance, LeaseDescriptor lease, TransferSide side, Worker worker) {
        this.plan = plan;
        this.initiatorInstance = initiatorInstance;
        this.lease = lease;
        this.side = side;
        this.worker = worker;
        this.announced = new BlockClaims(plan.blocks().size());
    }

    /** Begins to hear from the initiator, in two-sided mode. */
    void listen(PeerChannel channel) {
        channel.receive(new Announcements());
    }

    /** Joins the two sides, once, if the initiator may. */
    Link connect(
            InstanceId from, LeaseDescriptor shown, InitiatorPlan initiator, TransferSide other, CopyAdapter adapter) {
        LeaseKey key = lease.key();
        if (!key.matches(shown.key().high(), shown.key().low())
                || key.epoch() != shown.key().epoch()) {
            throw denied("the lease key or the epoch is not the lease's");
        }
        if (!from.equals(initiatorInstance)
                || !plan.peer().equals(initiator.self())
                || !plan.self().equals(initiator.peer())) {
            throw denied("the lease of " + plan.self() + " is for " + plan.peer() + ", not for " + initiator.self());
        }
        if (plan.operation() != initiator.operation()) {
            throw denied("the lease allows " + plan.operation() + ", not " + initiator.operation());
        }
        if (!plan.blocks().blockKeys().equals(initiator.blocks().blockKeys())) {
            throw new TransferException(
                    TransferErrorCode.BUFFER_MISMATCH,
                    Stage.PREPARE,
                    "keys or lengths of the initiator's " + initiator.blocks() + " are not those of the lease's "
                            + plan.blocks());
        }
        Link joined = new Link(
                other,
                side,
                plan.operation(),
                adapter,
                initiator.checksum() == ChecksumMode.ON,
                plan.channel() == null ? other::applied : this::reportLanded);
        if (!link.compareAndSet(null, joined)) {
            throw denied("the lease is in use; prepare a new attempt");
        }
        return joined;
    }

    private static TransferException denied(String detail) {
        return new TransferException(TransferErrorCode.ACCESS_DENIED, Stage.PREPARE, detail);
    }

    @Override
    public Descriptor descriptor() {
        return lease.encode();
    }

    @Override
    public TransferStatus status() {
        return side.status();
    }

    @Override
    public void seal() {
        side.seal();
    }

    @Override
    public Quiescence finish(Deadline grace) {
        Quiescence quiescence = side.finish();
        PeerChannel channel = plan.channel();
        if (channel != null) {
            channel.close();
        }
        return quiescence;
    }

    private void reportLanded(BlockRange range) {
        PeerChannel channel = plan.channel();
        try {
            if (channel != null) {
                channel.send(RangeMessage.LANDED.encode(range));
            }
        } catch (TransferException e) {
            // Nothing to add: a channel that ends tells its receivers, on both sides, why.
        }
    }

    /** What the initiator says in two-sided mode. */
    private final class Announcements implements PeerChannel.Receiver {
        @Override
        public void message(byte[] message) {
            Link joined = link.get();
            if (joined == null) {
                side.fail(TransferErrorCode.PROTOCOL_ERROR, "a part was announced before the lease key was shown");
                return;
            }
            try {
                BlockRange range =
                        RangeMessage.ANNOUNCE.decode(message, plan.blocks().size());
                if (!announced.claim(range.first(), range.end())) {
                    throw RangeMessage.protocolError("blocks announced twice: " + range);
                }
                worker.submit(new Part(joined, range));
            } catch (TransferException e) {
                joined.fail(e.code(), e.error().detail());
            }
        }

        @Override
        public void closed(@Nullable TransferError error) {
            if (error == null) {
                // The initiator said goodbye: nothing can land any more, and that is no failure.
                side.seal();
            } else if (!side.isComplete()) {
                side.fail(TransferErrorCode.CONTROL_FAILED, "the channel to the initiator broke: " + error);
            }
        }
    }
}
