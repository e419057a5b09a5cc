package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.ForeignMessages;
import io.kvferry.spi.Payload;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Messages between applications, by topic: asked of peers, answered by handlers.
 *
 * <p><b>Threads:</b> Thread-safe. Handlers run on the engine's executor.
 */
final class ApplicationNotices {
    private static final Logger LOG = LoggerFactory.getLogger(ApplicationNotices.class);
    /** What topics begin with that foreign peers' messages come on; the backend's name follows. */
    private static final String FOREIGN = "foreign:";

    private static final int MAX_TOPIC = 128;

    private final EngineContext context;
    private final PeerControl peerControl;
    private final ConcurrentHashMap<String, NotifyHandler> handlers = new ConcurrentHashMap<>();

    ApplicationNotices(EngineContext context, PeerControl peerControl) {
        this.context = context;
        this.peerControl = peerControl;
    }

    /** Asks the application at a peer. Blocks. */
    Payload ask(PeerAddress peer, String topic, Payload payload, Deadline deadline) {
        checkTopic(topic);
        PeerReply.Notified reply = context.waits()
                .get(
                        peerControl.call(peer, new PeerRequest.Notify(context.self(), topic, payload), deadline),
                        deadline,
                        Stage.TRANSFER,
                        "the answer on topic " + topic + " from ",
                        peer);
        return reply.payload();
    }

    /** Lets a handler answer what comes on a topic. */
    void answer(String topic, NotifyHandler handler) {
        checkTopic(topic);
        if (handlers.putIfAbsent(topic, handler) != null) {
            throw new TransferException(
                    TransferErrorCode.ALREADY_EXISTS, Stage.OPEN, "topic '" + topic + "' has a handler already");
        }
    }

    private static void checkTopic(String topic) {
        if (topic.isEmpty() || topic.length() > MAX_TOPIC) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.TRANSFER,
                    "a topic has 1 to " + MAX_TOPIC + " characters, got " + topic.length());
        }
    }

    /** Takes what a backend's foreign peers tell, on a topic that no peer of ours may use. */
    ForeignMessages foreign(String backend) {
        String topic = FOREIGN + backend;
        return (from, message) -> {
            NotifyHandler handler = handlers.get(topic);
            return handler == null
                    ? CompletableFuture.completedFuture(false)
                    : CompletableFuture.supplyAsync(
                                    () -> {
                                        handler.handle(new PeerIdentity(from, 0), new Payload(message));
                                        return true;
                                    },
                                    context.executor())
                            .exceptionally(refused -> {
                                LOG.warn("a message of {} on topic {} was refused", from, topic, refused);
                                return false;
                            });
        };
    }

    /** Answers a peer's message. */
    CompletableFuture<PeerReply.Notified> handle(PeerRequest.Notify notify) {
        if (notify.topic().startsWith(FOREIGN)) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.TRANSFER,
                    "topic '" + notify.topic() + "' is for peers without peer control");
        }
        NotifyHandler handler = handlers.get(notify.topic());
        if (handler == null) {
            throw new TransferException(
                    TransferErrorCode.NOT_FOUND, Stage.TRANSFER, "nobody here handles topic '" + notify.topic() + "'");
        }
        return CompletableFuture.supplyAsync(
                () -> new PeerReply.Notified(handler.handle(notify.self(), notify.payload())), context.executor());
    }
}
