package io.kvferry.conformance;

import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/** One end of a channel on a {@link FakeNetwork}: what it sends is queued at the other end and delivered there. */
final class FakePeerChannel implements PeerChannel {
    private static final int MAX_QUEUED = 1024;
    private static final int MAX_MESSAGE_BYTES = 1 << 20;

    private final FaultPlan faults;
    private final Object lock = new Object();
    // guarded by lock
    private final Queue<byte[]> inbox = new ArrayDeque<>();
    private final List<Runnable> endSteps = new ArrayList<>();
    private @Nullable Receiver receiver;
    private @Nullable FakePeerChannel other;
    private boolean connected;
    private boolean ended;
    private boolean endTold;
    private boolean delivering;
    private @Nullable TransferError error;

    private @Nullable FakePeerControl node;
    private @Nullable PeerAddress peer;

    private FakePeerChannel(FaultPlan faults) {
        this.faults = faults;
    }

    static FakePeerChannel[] pair(FaultPlan faults) {
        FakePeerChannel one = new FakePeerChannel(faults);
        FakePeerChannel two = new FakePeerChannel(faults);
        one.other = two;
        two.other = one;
        return new FakePeerChannel[] {one, two};
    }

    /** Lets both ends deliver, once the receiving service has taken its end. */
    static void open(FakePeerChannel one, FakePeerChannel two) {
        for (FakePeerChannel end : List.of(one, two)) {
            synchronized (end.lock) {
                end.connected = true;
            }
            end.deliver();
        }
    }

    void attach(FakePeerControl owner, PeerAddress remote) {
        synchronized (lock) {
            node = owner;
            peer = remote;
        }
        owner.remember(this);
        onEnd(() -> owner.forget(this));
    }

    boolean isTo(PeerAddress address) {
        synchronized (lock) {
            return address.equals(peer);
        }
    }

    void onEnd(Runnable step) {
        synchronized (lock) {
            if (!ended) {
                endSteps.add(step);
                return;
            }
        }
        step.run();
    }

    @Override
    public void send(byte[] message) {
        if (message.length > MAX_MESSAGE_BYTES) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.TRANSFER,
                    "channel message of " + message.length + " bytes > limit of " + MAX_MESSAGE_BYTES);
        }
        FakePeerChannel to;
        FakePeerControl from;
        PeerAddress address;
        synchronized (lock) {
            if (ended) {
                throw new TransferException(
                        TransferErrorCode.CONTROL_FAILED, Stage.TRANSFER, "the channel has ended: " + error);
            }
            to = other;
            from = node;
            address = peer;
        }
        if (to == null || from == null || address == null) {
            throw new IllegalStateException("a channel is sent on before it was opened");
        }
        byte[] copy = message.clone();
        switch (faults.next("channel.message")) {
            case FaultPlan.Drop drop ->
                breakWith(TransferError.of(TransferErrorCode.CONTROL_FAILED, Stage.TRANSFER, "a message was lost"));
            case FaultPlan.Refuse refuse ->
                breakWith(TransferError.of(refuse.code(), Stage.TRANSFER, "a message was refused"));
            case FaultPlan.Freeze freeze ->
                freeze.gate().whenOpen(() -> from.travelTo(address, () -> to.arrived(copy)));
            default -> from.travelTo(address, () -> to.arrived(copy));
        }
    }

    private void arrived(byte[] message) {
        boolean full;
        synchronized (lock) {
            full = inbox.size() >= MAX_QUEUED;
            if (!full && !ended) {
                inbox.add(message);
            }
        }
        if (full) {
            breakWith(TransferError.of(
                    TransferErrorCode.RESOURCE_EXHAUSTED, Stage.TRANSFER, MAX_QUEUED + " channel messages wait"));
        } else {
            deliver();
        }
    }

    @Override
    public void receive(Receiver newReceiver) {
        synchronized (lock) {
            if (receiver != null) {
                throw new IllegalStateException("the channel has a receiver already");
            }
            receiver = newReceiver;
        }
        deliver();
    }

    @Override
    public void close() {
        endBoth(null);
    }

    /** Breaks both ends. */
    void breakWith(TransferError why) {
        endBoth(why);
    }

    private void endBoth(@Nullable TransferError why) {
        FakePeerChannel there = end(why);
        if (there != null) {
            there.end(why);
        }
    }

    private @Nullable FakePeerChannel end(@Nullable TransferError why) {
        List<Runnable> steps;
        FakePeerChannel there;
        synchronized (lock) {
            if (ended) {
                return other;
            }
            ended = true;
            connected = true;
            error = why;
            steps = List.copyOf(endSteps);
            endSteps.clear();
            there = other;
        }
        steps.forEach(Runnable::run);
        deliver();
        return there;
    }

    /** Hands over what has come, one thread at a time; the end comes last, and for a break at once. */
    private void deliver() {
        synchronized (lock) {
            if (delivering || !connected || receiver == null) {
                return;
            }
            delivering = true;
        }
        Thread.ofVirtual().name("fake-channel").start(this::deliverAll);
    }

    private void deliverAll() {
        while (true) {
            byte[] message;
            boolean tellEnd;
            Receiver to;
            TransferError why;
            synchronized (lock) {
                to = receiver;
                why = error;
                if (why != null) {
                    inbox.clear();
                }
                message = inbox.poll();
                tellEnd = message == null && ended && !endTold;
                endTold |= tellEnd;
                if (to == null || (message == null && !tellEnd)) {
                    delivering = false;
                    return;
                }
            }
            if (message != null) {
                to.message(message);
            } else {
                to.closed(why);
            }
        }
    }
}
