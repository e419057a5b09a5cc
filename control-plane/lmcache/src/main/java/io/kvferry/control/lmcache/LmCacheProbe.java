package io.kvferry.control.lmcache;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.security.SecureRandom;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.zeromq.SocketType;

/**
 * Asks the sockets of an LMCache controller, anybody's, whether they are there and do their work. A connection alone proves
 * nothing: a controller whose loop has ended still takes connections.
 *
 * <p><b>Threads:</b> Confined to the thread that uses it; every call returns by its deadline.
 *
 * <p><b>Failure:</b> CONNECTION_FAILED where no ZeroMQ socket of the right kind is reached, DEADLINE_EXCEEDED where one is but
 * does not answer, PROTOCOL_ERROR where it answers something else.
 *
 * @since 0.1.0
 */
public final class LmCacheProbe {
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final String LOCATION = "LocalCPUBackend";
    /** Where a worker of the probe would be reached; nobody is ever told to go there. */
    private static final String NOWHERE = "127.0.0.1";

    private static final long NOWHERE_PORT = 1;
    private static final long POLL_NANOS = 20_000_000;
    private static final long MAX_ANSWER_BYTES = 1 << 20;

    private final String instance = "kvferry-doctor-" + Long.toHexString(RANDOM.nextLong());

    /** Makes a probe; nothing is dialled yet. */
    public LmCacheProbe() {}

    /**
     * Greets the socket that takes what workers push. Nothing is pushed, because what is pushed is never answered.
     *
     * @param pull the controller's {@code controller_pull_url}
     * @param deadline until when to wait
     * @throws TransferException if there is none by then
     */
    public void reach(PeerAddress pull, Deadline deadline) {
        connect(SocketType.PUSH, pull, "controller_pull_url", deadline).close();
    }

    /**
     * Asks who holds a key that nobody holds: a question that every generation of controllers answers, and that changes
     * nothing there.
     *
     * @param reply the controller's {@code controller_reply_url}
     * @param deadline until when to wait
     * @throws TransferException if the answer is not there by then, or is none
     */
    public void ask(PeerAddress reply, Deadline deadline) {
        try (ZmtpConnection asking = connect(SocketType.DEALER, reply, "controller_reply_url", deadline)) {
            if (isHit(lookup(asking, instance, RANDOM.nextLong(), reply, deadline))) {
                throw failure(TransferErrorCode.PROTOCOL_ERROR, reply + " says that somebody holds a key of chance");
            }
        }
    }

    /**
     * Joins as a worker, pushes that it holds a key, waits until the controller says so to another worker, and leaves: proof
     * that what is pushed is taken in. Of controllers that take registrations at their reply socket, which are LMCache's
     * since 0.4 and KVFerry's.
     *
     * @param pull the controller's {@code controller_pull_url}
     * @param reply the controller's {@code controller_reply_url}
     * @param deadline until when to wait
     * @throws TransferException naming the step that did not work
     */
    public void join(PeerAddress pull, PeerAddress reply, Deadline deadline) {
        long key = RANDOM.nextLong() >>> 1;
        try (ZmtpConnection push = connect(SocketType.PUSH, pull, "controller_pull_url", deadline);
                ZmtpConnection asking = connect(SocketType.DEALER, reply, "controller_reply_url", deadline)) {
            Message told = answer(
                    asking,
                    Message.of(MessageType.REGISTER, instance, 0L, NOWHERE, NOWHERE_PORT, NOWHERE + ":" + NOWHERE_PORT),
                    reply,
                    deadline);
            if (told.type() != MessageType.REGISTER_RET) {
                throw failure(
                        TransferErrorCode.PROTOCOL_ERROR,
                        reply + " answers a registration with " + told.type().tag());
            }
            try {
                push(push, operation("admit", key, 1));
                await(asking, key, true, reply, deadline);
                push(push, operation("evict", key, 2));
                await(asking, key, false, reply, deadline);
            } finally {
                push(push, Message.of(MessageType.DEREGISTER, instance, 0L, NOWHERE, NOWHERE_PORT));
            }
        }
    }

    private Message operation(String operation, long key, long sequence) {
        Map<String, Object> event = Map.of("op_type", operation, "key", key, "seq_num", sequence);
        return Message.of(MessageType.BATCHED_KV_OPERATION, instance, 0L, LOCATION, List.of(event));
    }

    private static void push(ZmtpConnection push, Message message) {
        try {
            push.send(MessageCodec.encode(message));
        } catch (IOException e) {
            throw failure(TransferErrorCode.CONNECTION_FAILED, "controller_pull_url hangs up: " + e.getMessage());
        }
    }

    /** What is pushed has no answer: what it did is seen a little later. */
    private void await(ZmtpConnection asking, long key, boolean held, PeerAddress reply, Deadline deadline) {
        boolean answers = false;
        try {
            // LMCache tells a worker only of other instances
            while (isHit(lookup(asking, instance + "-other", key, reply, deadline)) != held) {
                answers = true;
                if (deadline.isExpired()) {
                    throw failure(TransferErrorCode.DEADLINE_EXCEEDED, reply + " says the same until the deadline");
                }
                pause();
            }
        } catch (TransferException e) {
            if (answers && e.code() == TransferErrorCode.DEADLINE_EXCEEDED) {
                throw failure(
                        TransferErrorCode.DEADLINE_EXCEEDED,
                        reply + " answers, but what is pushed to controller_pull_url is not taken in");
            }
            throw e;
        }
    }

    /** A controller has more to do than to answer this. */
    private static void pause() {
        LockSupport.parkNanos(POLL_NANOS);
    }

    private static Message lookup(
            ZmtpConnection asking, String instance, long key, PeerAddress reply, Deadline deadline) {
        Message answer =
                answer(asking, Message.of(MessageType.BATCHED_P2P_LOOKUP, List.of(key), instance, 0L), reply, deadline);
        if (answer.type() != MessageType.BATCHED_P2P_LOOKUP_RET) {
            throw failure(
                    TransferErrorCode.PROTOCOL_ERROR,
                    reply + " answers a look-up with " + answer.type().tag()
                            + (answer.type() == MessageType.ERROR ? ": " + answer.text("error") : ""));
        }
        return answer;
    }

    /** A miss is one entry of nothing. */
    private static boolean isHit(Message lookup) {
        return lookup.values().get("layout_info") instanceof List<?> entries
                && entries.stream()
                        .anyMatch(entry -> entry instanceof List<?> parts
                                && parts.size() > 2
                                && parts.get(2) instanceof Long chunks
                                && chunks > 0);
    }

    private static Message answer(ZmtpConnection asking, Message question, PeerAddress address, Deadline deadline) {
        byte[] frame;
        try {
            asking.send(new byte[0], MessageCodec.encode(question));
            frame = asking.receive(deadline);
        } catch (SocketTimeoutException e) {
            throw failure(
                    TransferErrorCode.DEADLINE_EXCEEDED,
                    address + " takes connections but does not answer: its loop has ended, or it is no"
                            + " controller_reply_url");
        } catch (IOException e) {
            throw failure(TransferErrorCode.PROTOCOL_ERROR, address + " does not answer: " + e.getMessage());
        }
        try {
            return MessageCodec.decode(frame);
        } catch (MalformedMessageException e) {
            throw failure(TransferErrorCode.PROTOCOL_ERROR, address + " answers what is no message: " + e.getMessage());
        }
    }

    private static ZmtpConnection connect(SocketType type, PeerAddress address, String key, Deadline deadline) {
        SocketType wanted = type == SocketType.PUSH ? SocketType.PULL : SocketType.ROUTER;
        ZmtpConnection connection = new ZmtpConnection(type, MAX_ANSWER_BYTES);
        try {
            String found = connection.connect(address, deadline);
            if (!found.equals(wanted.name())) {
                throw failure(
                        TransferErrorCode.CONNECTION_FAILED,
                        "the ZeroMQ socket at " + address + " is a " + found + ", but a " + key + " is a " + wanted);
            }
            return connection;
        } catch (IOException e) {
            connection.close();
            throw failure(
                    TransferErrorCode.CONNECTION_FAILED,
                    "no ZeroMQ socket for " + key + " is reached at " + address + ": " + e.getMessage());
        } catch (TransferException e) {
            connection.close();
            throw e;
        }
    }

    private static TransferException failure(TransferErrorCode code, String detail) {
        return new TransferException(code, Stage.PREPARE, detail);
    }
}
