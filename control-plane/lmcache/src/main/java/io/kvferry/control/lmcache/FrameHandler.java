package io.kvferry.control.lmcache;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Frames to messages, messages to those that act on them, and their answers back. Thread-safe. */
record FrameHandler(
        String socket,
        WorkerProtocol protocol,
        Orchestrator orchestrator,
        Turns turns,
        Executor executor,
        Duration orderTimeout,
        LmCacheCounters counters)
        implements SocketLoop.Handler {
    private static final Logger LOG = LoggerFactory.getLogger(FrameHandler.class);

    @Override
    public void frame(byte[] frame, SocketLoop.Replies replies) {
        counters.count(LmCacheCounters.Name.FRAMES);
        counters.message(socket);
        boolean json = MessageCodec.isJson(frame);
        try {
            Message message = MessageCodec.decode(frame);
            if (Orchestrator.takes(message.type())) {
                executor.execute(() -> answer(message, json, replies, this::orchestrate));
            } else if (!message.type().hasWorker()) {
                answer(message, json, replies, protocol::handle);
            } else if (!turns.run(
                    WorkerId.of(message),
                    WorkerProtocol.mayWait(message),
                    () -> answer(message, json, replies, protocol::handle))) {
                refuse("the controller is too busy for this worker; send it again later", json, replies);
            }
        } catch (MalformedMessageException e) {
            counters.count(LmCacheCounters.Name.MALFORMED_FRAMES);
            refuse(String.valueOf(e.getMessage()), json, replies);
        } catch (RejectedExecutionException closing) {
            refuse("the controller closes", json, replies);
        }
    }

    private Message orchestrate(Message message) throws MalformedMessageException {
        return orchestrator.handle(message, Deadline.after(orderTimeout));
    }

    /** Acts on a message. */
    @FunctionalInterface
    private interface Action {
        @org.jspecify.annotations.Nullable
        Message handle(Message message) throws MalformedMessageException;
    }

    private void answer(Message message, boolean json, SocketLoop.Replies replies, Action action) {
        Message answer;
        try {
            answer = action.handle(message);
        } catch (MalformedMessageException | TransferException | IllegalArgumentException e) {
            refuse(String.valueOf(e.getMessage()), json, replies);
            return;
        } catch (RuntimeException e) {
            LOG.error("a bug: {} could not be handled", message.type(), e);
            refuse("a bug in the controller; its log says more", json, replies);
            return;
        }
        if (answer != null) {
            replies.send(MessageCodec.encode(answer, json));
        }
    }

    private void refuse(String detail, boolean json, SocketLoop.Replies replies) {
        counters.count(LmCacheCounters.Name.ERRORS_ANSWERED);
        LOG.debug("refused: {}", detail);
        replies.send(MessageCodec.encode(Message.error(detail), json));
    }
}
