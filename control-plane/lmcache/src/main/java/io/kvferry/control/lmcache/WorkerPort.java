package io.kvferry.control.lmcache;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;
import org.zeromq.ZMQException;

/**
 * Asks one worker, at the port that it told. One request at a time, each on a socket of its own: the protocol has no
 * correlation id, so an answer that comes late must not be taken for that of the next request.
 *
 * <p>Thread-safe; a request blocks a thread of the executor for at most its deadline.
 */
final class WorkerPort {
    private final ZContext context;
    private final Executor executor;
    private final String url;
    private final Object lock = new Object();
    private CompletableFuture<?> last = CompletableFuture.completedFuture(null);

    WorkerPort(ZContext context, Executor executor, String host, long port) {
        this.context = context;
        this.executor = executor;
        this.url = "tcp://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
    }

    /**
     * Sends a request behind those that wait.
     *
     * @return the answer, or a {@link TransferException}: PEER_LOST without one in time, PROTOCOL_ERROR for one that is none,
     *     TRANSFER_FAILED for an ErrorMsg
     */
    CompletableFuture<Message> ask(Message request, Deadline deadline) {
        synchronized (lock) {
            CompletableFuture<Message> answer =
                    last.handleAsync((ignored, failure) -> exchange(request, deadline), executor);
            last = answer;
            return answer;
        }
    }

    private Message exchange(Message request, Deadline deadline) {
        try (ZMQ.Socket socket = context.createSocket(SocketType.DEALER)) {
            socket.setLinger(0);
            socket.setReceiveTimeOut(remainingMillis(deadline));
            socket.setSendTimeOut(remainingMillis(deadline));
            socket.connect(url);
            boolean sent = socket.sendMore(new byte[0]) && socket.send(MessageCodec.encode(request));
            byte[] frame = sent ? lastFrame(socket) : null;
            if (frame == null) {
                throw failure(TransferErrorCode.PEER_LOST, request, "did not answer in time");
            }
            return checked(request, MessageCodec.decode(frame));
        } catch (MalformedMessageException e) {
            throw failure(TransferErrorCode.PROTOCOL_ERROR, request, "answered something else: " + e.getMessage());
        } catch (ZMQException | IllegalArgumentException e) {
            throw failure(TransferErrorCode.CONNECTION_FAILED, request, "cannot be reached: " + e.getMessage());
        }
    }

    private static byte @org.jspecify.annotations.Nullable [] lastFrame(ZMQ.Socket socket) {
        byte[] frame = socket.recv();
        while (frame != null && socket.hasReceiveMore()) {
            frame = socket.recv();
        }
        return frame;
    }

    private Message checked(Message request, Message answer) {
        if (answer.type() == MessageType.ERROR) {
            throw failure(TransferErrorCode.TRANSFER_FAILED, request, "refused: " + answer.text("error"));
        }
        return answer;
    }

    private int remainingMillis(Deadline deadline) {
        long millis = deadline.remainingNanos() / 1_000_000;
        if (millis <= 0) {
            throw new TransferException(
                    TransferErrorCode.DEADLINE_EXCEEDED,
                    Stage.TRANSFER,
                    "worker " + url + " was busy until the deadline");
        }
        return (int) Math.min(Integer.MAX_VALUE, millis);
    }

    private TransferException failure(TransferErrorCode code, Message request, String what) {
        return new TransferException(
                code,
                Stage.TRANSFER,
                "worker " + url + " " + what + " (" + request.type().tag() + ")");
    }
}
