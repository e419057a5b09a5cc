package io.kvferry.control.cluster;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.kvferry.control.grpc.CallErrors;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Streams events to one watcher, as fast as it takes them.
 *
 * <p><b>Threads:</b> gRPC calls on an event loop; a virtual thread takes events and sends them.
 */
final class WatchCall extends ServerCall.Listener<byte[]> {
    private static final Logger LOG = LoggerFactory.getLogger(WatchCall.class);
    private static final int CAPACITY = 1024;

    private final ServerCall<byte[], byte[]> call;
    private final ControllerServer server;
    private final EventSubscription events;
    private final Semaphore ready = new Semaphore(0);
    private volatile boolean ended;

    private WatchCall(ServerCall<byte[], byte[]> call, ControllerServer server, EventSubscription events) {
        this.call = call;
        this.server = server;
        this.events = events;
    }

    static ServerCall.Listener<byte[]> start(ServerCall<byte[], byte[]> call, ControllerServer server) {
        if (!server.streams().enter(call, Stage.REGISTER)) {
            return new ServerCall.Listener<>() {};
        }
        WatchCall watch;
        try {
            watch = new WatchCall(call, server, server.controller().subscribe(CAPACITY));
        } catch (TransferException e) {
            server.streams().leave();
            CallErrors.close(call, e.error());
            return new ServerCall.Listener<>() {};
        }
        call.sendHeaders(new Metadata());
        call.request(1);
        try {
            server.blocking().execute(watch::run);
        } catch (RejectedExecutionException e) {
            watch.end();
        }
        return watch;
    }

    private void run() {
        try {
            while (!ended && !events.isClosed()) {
                if (call.isReady()) {
                    events.take(Deadline.after(1, TimeUnit.SECONDS))
                            .ifPresent(event ->
                                    call.sendMessage(WireEncoder.event(event).toByteArray()));
                } else {
                    boolean ignored = ready.tryAcquire(1, TimeUnit.SECONDS);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IllegalStateException e) {
            LOG.debug("a watcher left", e);
        }
        end();
    }

    private void end() {
        events.close();
        if (!call.isCancelled()) {
            CallErrors.close(
                    call, ControllerContext.refusal(TransferErrorCode.SHUTTING_DOWN, "the controller is closing"));
        }
    }

    @Override
    public void onReady() {
        ready.release();
    }

    @Override
    public void onCancel() {
        left();
    }

    @Override
    public void onComplete() {
        left();
    }

    private void left() {
        ended = true;
        events.close();
        ready.release();
        server.streams().leave();
    }
}
