package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.RdmaBatch;
import io.kvferry.conformance.FaultPlan;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferErrorCode;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** Two joined halves and what is between them. Stepped by either adapter, one step at a time. */
final class FakeWire {
    private static final int MAX_BATCHES = 4;

    private final FakeConnection initiator;
    private final FakeConnection target;

    // all guarded by this
    private final List<Flight> flights = new ArrayList<>();
    private final Deque<byte[]> toTarget = new ArrayDeque<>();
    private final Deque<byte[]> toInitiator = new ArrayDeque<>();
    private boolean initiatorGone;
    private boolean targetGone;

    FakeWire(FakeConnection initiator, FakeConnection target) {
        this.initiator = initiator;
        this.target = target;
    }

    /** One operation as it was when it was posted. */
    private static final class Op {
        private MemorySegment local;
        private final long key;
        private final long remoteAddress;

        private Op(MemorySegment local, long key, long remoteAddress) {
            this.local = local;
            this.key = key;
            this.remoteAddress = remoteAddress;
        }
    }

    /** A batch on its way. */
    private static final class Flight {
        private final RdmaBatch batch;
        private final Operation operation;
        private final FaultPlan.Action fault;
        private final Deque<Op> left = new ArrayDeque<>();
        private final int size;

        private Flight(RdmaBatch batch, FaultPlan.Action fault) {
            this.batch = batch;
            this.operation = batch.operation();
            this.fault = fault;
            this.size = batch.size();
            for (int i = 0; i < batch.size(); i++) {
                MemoryRegion region = batch.local(i).region();
                left.add(new Op(
                        region.segment().asSlice(batch.localAddress(i) - region.address(), batch.length(i)),
                        ((FakeConnection.Key) batch.remote(i)).number(),
                        batch.remoteAddress(i)));
            }
        }

        private boolean isLost() {
            return fault instanceof FaultPlan.Drop
                    || (fault instanceof FaultPlan.Partial(double share) && left.size() <= size * (1 - share));
        }
    }

    synchronized boolean post(RdmaBatch batch) {
        if (flights.size() >= MAX_BATCHES) {
            return false;
        }
        flights.add(new Flight(batch, initiator.adapter().fabric().faults().next("batch")));
        wakeBoth();
        return true;
    }

    synchronized void send(FakeConnection from, byte[] message) {
        (from == initiator ? toTarget : toInitiator).add(message);
        if (from == target && initiatorGone) {
            target.fail(TransferErrorCode.PEER_LOST, "nobody acknowledges messages any more");
        }
        wakeBoth();
    }

    private void wakeBoth() {
        initiator.adapter().wake();
        target.adapter().wake();
    }

    /** Returns once no step is under way. */
    synchronized void awaitStep() {}

    /** Moves something on. Returns false if there is nothing that can move. */
    synchronized boolean step() {
        if (initiator.adapter().fabric().isFrozen()) {
            return false;
        }
        if (targetGone && !initiatorGone && toInitiator.isEmpty()) {
            initiator.fail(TransferErrorCode.PEER_LOST, "the peer closed its half");
            initiator.adapter().remove(this);
            return false;
        }
        if (initiatorGone && flights.isEmpty() && toTarget.isEmpty()) {
            target.adapter().remove(this);
            return false;
        }
        return stepMessage(toTarget, target) | stepMessage(toInitiator, initiator) | stepFlight();
    }

    private static boolean stepMessage(Deque<byte[]> messages, FakeConnection to) {
        byte[] message = messages.poll();
        if (message == null) {
            return false;
        }
        to.adapter().deliver(() -> {
            if (!to.isClosed()) {
                to.events().received(message);
            }
        });
        return true;
    }

    private boolean stepFlight() {
        List<Flight> moving =
                flights.stream().filter(flight -> !flight.isLost()).toList();
        if (moving.isEmpty()) {
            return false;
        }
        Flight flight = moving.get(initiator.adapter().random(moving.size()));
        if (flight.fault instanceof FaultPlan.Refuse(TransferErrorCode code)) {
            return breakDown(code, "the batch was failed by the fault plan");
        }
        Op op = flight.left.remove();
        MemorySegment remote = target.adapter().resolve(op.key, op.remoteAddress, op.local.byteSize());
        if (targetGone || remote == null) {
            return breakDown(TransferErrorCode.ACCESS_DENIED, "the key does not open that memory");
        }
        if (flight.operation == Operation.WRITE) {
            remote.copyFrom(op.local);
        } else {
            op.local.copyFrom(remote);
        }
        if (flight.left.isEmpty()) {
            flights.remove(flight);
            RdmaBatch done = flight.batch;
            if (!initiatorGone) {
                initiator.adapter().deliver(() -> {
                    if (!initiator.isClosed()) {
                        initiator.events().applied(done);
                    }
                });
            }
        }
        return true;
    }

    /** An operation that fails takes both queue pairs down. */
    private boolean breakDown(TransferErrorCode code, String detail) {
        flights.clear();
        initiator.fail(code, detail);
        target.fail(code, detail);
        return false;
    }

    /** The initiator's bytes that are on their way land later all the same; the target's half lets nothing land. */
    synchronized void close(FakeConnection half) {
        if (half == target) {
            targetGone = true;
            target.adapter().remove(this);
            wakeBoth();
            return;
        }
        initiatorGone = true;
        initiator.adapter().remove(this);
        flights.removeIf(flight -> flight.operation == Operation.READ);
        flights.forEach(flight -> flight.left.forEach(op -> op.local = copyOf(op.local)));
        toInitiator.clear();
        if (initiator.adapter().random(2) == 0) {
            target.fail(TransferErrorCode.PEER_LOST, "the peer closed its half");
        }
        wakeBoth();
    }

    private static MemorySegment copyOf(MemorySegment bytes) {
        return Arena.ofAuto().allocate(bytes.byteSize()).copyFrom(bytes);
    }
}
