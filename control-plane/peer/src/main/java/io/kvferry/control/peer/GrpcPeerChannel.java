package io.kvferry.control.peer;

import io.kvferry.control.grpc.PortCounters;
import io.kvferry.control.grpc.PortCounters.Kind;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayDeque;
import java.util.Queue;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A transfer's channel over one gRPC stream, at either end.
 *
 * <p>gRPC itself queues without a bound, so frames wait here until the stream takes them. Incoming frames are let in one by
 * one, after the receiver took the last: what it does not take stays at the sender.
 *
 * <p><b>Threads:</b> Thread-safe. The receiver is called on an event loop, or on the thread that ended the channel.
 */
final class GrpcPeerChannel implements PeerChannel {
    private static final Logger LOG = LoggerFactory.getLogger(GrpcPeerChannel.class);

    private final MessageStream stream;
    private final ChannelLimits limits;
    private final Side side;
    private final String peer;
    private final PortCounters counters;
    private final SerialReceiver receiver;

    private final Object lock = new Object();
    // all guarded by lock
    private final Queue<byte[]> outgoing = new ArrayDeque<>();
    private long outgoingBytes;
    private boolean closing;
    private boolean ended;
    private @Nullable TransferError broken;

    GrpcPeerChannel(MessageStream stream, ChannelLimits limits, Side side, String peer, PortCounters counters) {
        this.stream = stream;
        this.limits = limits;
        this.side = side;
        this.peer = peer;
        this.counters = counters;
        this.receiver = new SerialReceiver(() -> stream.request(1), this::receiverFailed);
    }

    @Override
    public void send(byte[] message) {
        if (message.length > limits.queueBytes()) {
            throw new TransferException(error(
                    TransferErrorCode.INVALID_REQUEST,
                    "message=" + message.length + " bytes > kvferry.peer.channel-queue-bytes or max-message-bytes="
                            + limits.queueBytes()));
        }
        byte[] frame = MessageEncoder.channelMessage(message);
        synchronized (lock) {
            if (closing || ended) {
                throw new TransferException(error(
                        TransferErrorCode.CONTROL_FAILED,
                        broken == null ? "the channel is closed" : "the channel is broken: " + broken.detail()));
            }
            if (outgoing.size() < limits.queueMessages() && outgoingBytes + message.length <= limits.queueBytes()) {
                outgoing.add(frame);
                outgoingBytes += frame.length;
                flush();
                return;
            }
        }
        TransferError full = error(
                TransferErrorCode.RESOURCE_EXHAUSTED,
                "messages that wait to be sent are at their bound; the peer does not take them fast enough, or raise"
                        + " kvferry.peer.channel-queue-messages=" + limits.queueMessages()
                        + " or kvferry.peer.channel-queue-bytes=" + limits.queueBytes());
        breakWith(full);
        throw new TransferException(full);
    }

    @Override
    public void receive(Receiver newReceiver) {
        receiver.set(newReceiver);
        stream.request(1);
        receiver.deliver();
    }

    @Override
    public void close() {
        synchronized (lock) {
            if (closing || ended) {
                return;
            }
            closing = true;
            flush();
        }
        // what still comes is dropped, but must come for the other side's end to be seen
        stream.request(Integer.MAX_VALUE);
        receiver.closed(null);
    }

    /** Sends the first frame, before anybody else can. */
    void open(byte[] frame) {
        synchronized (lock) {
            if (!ended) {
                stream.write(frame);
            }
        }
    }

    /** The stream takes frames again. */
    void ready() {
        synchronized (lock) {
            flush();
        }
    }

    /** A frame arrived. */
    void received(byte[] frame) {
        synchronized (lock) {
            if (closing || ended) {
                return;
            }
        }
        byte[] message;
        try {
            message = MessageDecoder.channelMessage(frame);
        } catch (TransferException e) {
            counters.count(Kind.UNDECODABLE);
            breakWith(e.error().at(side, peer));
            return;
        }
        if (message == null) {
            stream.request(1);
        } else {
            receiver.message(message);
        }
    }

    /** The stream has ended; tells whether this side did not know yet. */
    boolean remoteEnded(@Nullable TransferError error) {
        return finish(error);
    }

    /** Ends the channel with an error of this side. */
    void breakWith(TransferError error) {
        if (finish(error)) {
            stream.abort(error);
        }
    }

    TransferError error(TransferErrorCode code, String detail) {
        return new TransferError(code, code.number(), Stage.TRANSFER, side, peer, true, detail);
    }

    private boolean finish(@Nullable TransferError error) {
        synchronized (lock) {
            if (ended) {
                return false;
            }
            ended = true;
            broken = error;
            outgoing.clear();
        }
        receiver.closed(error);
        return true;
    }

    /** Writes what the stream takes. Called with the lock held; a write does not block. */
    private void flush() {
        while (!ended && !outgoing.isEmpty() && stream.isReady()) {
            byte[] frame = outgoing.remove();
            outgoingBytes -= frame.length;
            stream.write(frame);
        }
        if (closing && !ended && outgoing.isEmpty()) {
            stream.end();
        }
    }

    private void receiverFailed(RuntimeException failure) {
        counters.count(Kind.INTERNAL_ERRORS);
        LOG.error("the receiver of a transfer's channel with {} threw", peer, failure);
        breakWith(error(TransferErrorCode.INTERNAL, "the receiver of the channel failed; the log says why"));
    }
}
