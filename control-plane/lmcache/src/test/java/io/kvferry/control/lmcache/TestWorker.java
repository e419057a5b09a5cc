package io.kvferry.control.lmcache;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;

/** A worker as LMCache has it: pushes, asks over a DEALER, and answers the controller at a port of its own. */
final class TestWorker implements AutoCloseable {
    private static final int TIMEOUT_MILLIS = 30_000;
    private static final long MAX_FRAME_BYTES = 8 << 20;

    private final ZContext context = new ZContext();
    private final String instance;
    private final long rank;
    private final ZmtpConnection push;
    private final ZmtpConnection ask;
    private final ZMQ.Socket port;
    private final int portNumber;

    TestWorker(LmCacheFront front, String instance, long rank) throws IOException {
        this.instance = instance;
        this.rank = rank;
        push = connect(SocketType.PUSH, front.pullAddress());
        ask = connect(SocketType.DEALER, front.replyAddress());
        port = context.createSocket(SocketType.REP);
        port.setReceiveTimeOut(TIMEOUT_MILLIS);
        portNumber = port.bindToRandomPort("tcp://127.0.0.1");
    }

    private static ZmtpConnection connect(SocketType type, PeerAddress address) throws IOException {
        ZmtpConnection connection = new ZmtpConnection(type, MAX_FRAME_BYTES);
        String ignored = connection.connect(address, patience());
        return connection;
    }

    private static Deadline patience() {
        return Deadline.after(Duration.ofMillis(TIMEOUT_MILLIS));
    }

    Message register(String peerInitUrl) throws Exception {
        return ask(Message.of(MessageType.REGISTER, instance, rank, "127.0.0.1", (long) portNumber, peerInitUrl));
    }

    Message heartbeat() throws Exception {
        return ask(Message.of(MessageType.HEARTBEAT, instance, rank, "127.0.0.1", (long) portNumber, "h:" + rank));
    }

    Message lookup(Object... hashes) throws Exception {
        return ask(Message.of(MessageType.BATCHED_P2P_LOOKUP, List.of(hashes), instance, rank));
    }

    Message ask(Message message) throws Exception {
        return MessageCodec.decode(askRaw(MessageCodec.encode(message)));
    }

    /** Asks all before it reads the answers, and returns their types. */
    List<MessageType> askAll(List<Message> messages) throws Exception {
        for (Message message : messages) {
            ask.send(new byte[0], MessageCodec.encode(message));
        }
        List<MessageType> answers = new ArrayList<>();
        for (int i = 0; i < messages.size(); i++) {
            answers.add(MessageCodec.decode(ask.receive(patience())).type());
        }
        return answers;
    }

    byte[] askRaw(byte[] frame) throws IOException {
        ask.send(new byte[0], frame);
        return ask.receive(patience());
    }

    void admit(String location, long firstSequence, long... keys) {
        push(Message.of(
                MessageType.BATCHED_KV_OPERATION, instance, rank, location, operations("admit", firstSequence, keys)));
    }

    void evict(String location, long firstSequence, long... keys) {
        push(Message.of(
                MessageType.BATCHED_KV_OPERATION, instance, rank, location, operations("evict", firstSequence, keys)));
    }

    private static List<Map<String, Object>> operations(String operation, long firstSequence, long... keys) {
        List<Map<String, Object>> events = new ArrayList<>();
        for (int i = 0; i < keys.length; i++) {
            events.add(Map.of("op_type", operation, "key", keys[i], "seq_num", firstSequence + i));
        }
        return events;
    }

    /** Several messages in one multipart message, as LMCache batches them. */
    void push(Message... messages) {
        byte[][] frames = new byte[messages.length][];
        for (int i = 0; i < frames.length; i++) {
            frames[i] = MessageCodec.encode(messages[i]);
        }
        pushRaw(frames);
    }

    void pushRaw(byte[]... frames) {
        try {
            push.send(frames);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Message fullSyncStart(String location, String id, long keys, long batches) throws Exception {
        return ask(Message.of(MessageType.FULL_SYNC_START, instance, rank, location, id, keys, batches));
    }

    void fullSyncBatch(String location, String id, long batch, Object... keys) {
        push(Message.of(MessageType.FULL_SYNC_BATCH, instance, rank, location, id, batch, List.of(keys)));
    }

    void fullSyncEnd(String location, String id, long keys) {
        push(Message.of(MessageType.FULL_SYNC_END, instance, rank, location, id, keys));
    }

    Message fullSyncStatus(String id) throws Exception {
        return ask(Message.of(MessageType.FULL_SYNC_STATUS, instance, rank, id));
    }

    /** Answers one request of the controller and returns it. */
    Message answer(Message answer) throws Exception {
        Message request = asked();
        answerAsked(answer);
        return request;
    }

    /** Takes one request of the controller, which waits for {@link #answerAsked}. */
    Message asked() throws Exception {
        byte[] request = port.recv();
        if (request == null) {
            throw new AssertionError("the controller asked nothing");
        }
        return MessageCodec.decode(request);
    }

    void answerAsked(Message answer) {
        port.send(MessageCodec.encode(answer));
    }

    void deregister() {
        push(Message.of(MessageType.DEREGISTER, instance, rank, "127.0.0.1", (long) portNumber));
    }

    @Override
    public void close() {
        push.close();
        ask.close();
        context.close();
    }
}
