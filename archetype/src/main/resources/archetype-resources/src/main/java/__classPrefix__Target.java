package ${package};

import io.kvferry.spi.BlockList;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.LeaseKey;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferStatus;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLong;

/** The side whose memory is offered, to whoever shows the key. Thread-safe. */
final class ${classPrefix}Target implements TargetTransfer {
    private static final AtomicLong SLOTS = new AtomicLong();
    private static final byte VERSION = 1;
    private static final int BYTES = 1 + 4 * Long.BYTES;

    private final TargetPlan plan;
    private final Side side;
    private final long slot = SLOTS.incrementAndGet();
    private final LeaseKey key;

    ${classPrefix}Target(TargetPlan plan, Side side) {
        this.plan = plan;
        this.side = side;
        this.key = LeaseKey.random(plan.epoch());
        ${classPrefix}Backend.LEASES.put(slot, this);
    }

    /** What leads the initiator to this lease. It must not lead anywhere else with one bit wrong. */
    @Override
    public Descriptor descriptor() {
        return new Descriptor(ByteBuffer.allocate(BYTES)
                .put(VERSION)
                .putLong(slot)
                .putLong(key.high())
                .putLong(key.low())
                .putLong(key.epoch())
                .array());
    }

    /** Reads a descriptor, which came from a peer: nothing about it is believed. */
    static ${classPrefix}Target find(Descriptor descriptor) {
        ByteBuffer bytes = descriptor.buffer();
        if (bytes.remaining() != BYTES || bytes.get() != VERSION) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, "not a descriptor of version " + VERSION);
        }
        ${classPrefix}Target target = ${classPrefix}Backend.LEASES.get(bytes.getLong());
        if (target == null) {
            throw new TransferException(
                    TransferErrorCode.LEASE_ENDED, Stage.PREPARE, "the lease has ended; ask for a new one");
        }
        if (!target.key.matches(bytes.getLong(), bytes.getLong()) || target.key.epoch() != bytes.getLong()) {
            throw new TransferException(
                    TransferErrorCode.ACCESS_DENIED, Stage.PREPARE, "the key or the epoch is not the lease's");
        }
        return target;
    }

    BlockList blocks() {
        return plan.blocks();
    }

    Side side() {
        return side;
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
        ${classPrefix}Backend.LEASES.remove(slot);
        return side.finish();
    }
}
