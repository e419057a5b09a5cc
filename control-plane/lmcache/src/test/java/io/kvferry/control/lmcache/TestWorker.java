package io.kvferry.control.lmcache;

import io.kvferry.spi.PeerAddress;
import java.util.List;
import java.util.Map;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;

/** A worker as LMCache has it: pushes, asks over a DEALER, and answers the controller at a port of its own. */
final class TestWorker implements AutoCloseable {
    private static final int TIMEOUT_MILLIS = 30_000;

    private final ZContext context = new ZContext();
    private final String instance;
    private final long rank;
    private final ZMQ.Socket push;
    private final ZMQ.Socket ask;
    private final ZMQ.Socket port;
    private final int portNumber;

    TestWorker(LmCacheFront front, String instance, long rank) {
        this.instance = instance;
        this.rank = rank;
        push = context.createSocket(SocketType.PUSH);
        push.setHandshakeIvl(PortExchange.HANDSHAKE_MILLIS);
        push.connect(url(front.pullAddress()));
        ask = context.createSocket(SocketType.DEALER);
        ask.setReceiveTimeOut(TIMEOUT_MILLIS);
        ask.setHandshakeIvl(PortExchange.HANDSHAKE_MILLIS);
        ask.connect(url(front.replyAddress()));
        port = context.createSocket(SocketType.REP);
        port.setReceiveTimeOut(TIMEOUT_MILLIS);
        portNumber = port.bindToRandomPort("tcp://127.0.0.1");
    }

    static String url(PeerAddress address) {
        return "tcp://" + address.host() + ":" + address.port();
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

    byte[] askRaw(byte[] frame) {
        ask.sendMore(new byte[0]);
        ask.send(frame);
        byte[] answer = ask.recv();
        while (answer != null && ask.hasReceiveMore()) {
            answer = ask.recv();
        }
        if (answer == null) {
            throw new AssertionError("no answer in " + TIMEOUT_MILLIS + " ms");
        }
        return answer;
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
        List<Map<String, Object>> events = new java.util.ArrayList<>();
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
        for (int i = 0; i < frames.length - 1; i++) {
            push.sendMore(frames[i]);
        }
        push.send(frames[frames.length - 1]);
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
        context.close();
    }
}
