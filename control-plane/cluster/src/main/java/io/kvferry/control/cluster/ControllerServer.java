package io.kvferry.control.cluster;

import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.kvferry.control.cluster.wire.ClusterGrpc;
import io.kvferry.control.grpc.AcceptedConnections;
import io.kvferry.control.grpc.ByteMethods;
import io.kvferry.control.grpc.EventLoops;
import io.kvferry.control.grpc.InboundCalls;
import io.kvferry.control.grpc.UnaryCalls;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/**
 * The controller's gRPC port: bounds what comes in, and hands it to whoever answers it.
 *
 * <p><b>Threads:</b> Thread-safe. Look-ups and keepalives are answered on the event loops, everything that may wait on
 * virtual threads.
 */
final class ControllerServer {
    private static final Duration PING_INTERVAL = Duration.ofSeconds(20);
    private static final Duration PING_TIMEOUT = Duration.ofSeconds(10);
    private static final int SESSIONS_PER_NODE = 2;

    private final Controller controller;
    private final ControllerContext context;
    private final Executor blocking;
    private final InboundCalls calls;
    private final InboundCalls streams;
    private final Duration defaultTimeout;
    private final Duration storeTimeout;
    private final EventLoops eventLoops;
    private final Server server;

    private ControllerServer(
            Controller controller, BackendConfig config, ControllerContext context, Executor blocking) {
        this.controller = controller;
        this.context = context;
        this.blocking = blocking;
        AcceptedConnections connections = new AcceptedConnections(
                config.get(ControllerConfigKeys.MAX_CONNECTIONS),
                context.counters().port());
        this.defaultTimeout = config.get(ControllerConfigKeys.DEFAULT_TIMEOUT);
        this.calls = bound(config.get(ControllerConfigKeys.MAX_INBOUND_CALLS), "max-inbound-calls", connections);
        this.streams =
                bound(SESSIONS_PER_NODE * config.get(ControllerConfigKeys.MAX_NODES), "max-nodes, twice", connections);
        this.storeTimeout = config.get(ControllerConfigKeys.STORE_TIMEOUT);
        this.eventLoops = EventLoops.open("kvferry-controller-io", config.get(ControllerConfigKeys.EVENT_LOOP_THREADS));
        InetSocketAddress address = new InetSocketAddress(
                config.get(ControllerConfigKeys.BIND_HOST), config.get(ControllerConfigKeys.PORT));
        this.server = eventLoops
                .server(address, connections)
                .addService(service(new UnaryAnswers(controller, config.get(ControllerConfigKeys.ORDER_TIMEOUT))))
                .maxInboundMessageSize(Math.toIntExact(config.get(ControllerConfigKeys.MAX_MESSAGE_BYTES)))
                .keepAliveTime(PING_INTERVAL.toNanos(), TimeUnit.NANOSECONDS)
                .keepAliveTimeout(PING_TIMEOUT.toNanos(), TimeUnit.NANOSECONDS)
                .build();
    }

    private InboundCalls bound(int calls, String key, AcceptedConnections connections) {
        return new InboundCalls(
                new InboundCalls.Limits(
                        calls, "kvferry.controller." + key, defaultTimeout, "kvferry.controller.default-timeout"),
                connections,
                context.counters().port(),
                context.ticker(),
                context.scheduler());
    }

    /**
     * Starts to listen.
     *
     * @throws TransferException CONNECTION_FAILED when that is not possible; names the keys
     */
    static ControllerServer start(
            Controller controller, BackendConfig config, ControllerContext context, Executor blocking) {
        ControllerServer server = new ControllerServer(controller, config, context, blocking);
        try {
            server.server.start();
            return server;
        } catch (IOException e) {
            boolean ignored = server.close(context.in(PING_TIMEOUT));
            throw new TransferException(
                    TransferErrorCode.CONNECTION_FAILED,
                    Stage.OPEN,
                    "cannot listen on " + config.get(ControllerConfigKeys.BIND_HOST) + " port "
                            + config.get(ControllerConfigKeys.PORT)
                            + " (kvferry.controller.bind-host, kvferry.controller.port): " + e.getMessage(),
                    e);
        }
    }

    private ServerServiceDefinition service(UnaryAnswers answers) {
        return ServerServiceDefinition.builder(ClusterGrpc.SERVICE_NAME)
                .addMethod(ByteMethods.of(ClusterGrpc.getLookupMethod()), atOnce(answers::lookup))
                .addMethod(ByteMethods.of(ClusterGrpc.getExplainMethod()), atOnce(answers::explain))
                .addMethod(ByteMethods.of(ClusterGrpc.getPlaceOrderMethod()), waiting(answers::placeOrder))
                .addMethod(ByteMethods.of(ClusterGrpc.getGetOrderMethod()), atOnce(answers::getOrder))
                .addMethod(ByteMethods.of(ClusterGrpc.getListNodesMethod()), waiting(answers::listNodes))
                .addMethod(ByteMethods.of(ClusterGrpc.getSessionMethod()), (call, _) -> SessionCall.start(call, this))
                .addMethod(ByteMethods.of(ClusterGrpc.getWatchMethod()), (call, _) -> WatchCall.start(call, this))
                .build();
    }

    private UnaryCalls atOnce(UnaryCalls.Answer answer) {
        return new UnaryCalls(calls, Stage.REGISTER, Runnable::run, answer);
    }

    private UnaryCalls waiting(UnaryCalls.Answer answer) {
        return new UnaryCalls(calls, Stage.REGISTER, blocking, answer);
    }

    /** The bound on sessions and watchers. */
    InboundCalls streams() {
        return streams;
    }

    Controller controller() {
        return controller;
    }

    ControllerContext context() {
        return context;
    }

    Executor blocking() {
        return blocking;
    }

    Duration defaultTimeout() {
        return defaultTimeout;
    }

    Duration storeTimeout() {
        return storeTimeout;
    }

    int port() {
        return server.getPort();
    }

    /** Stops listening; calls under way fail. Returns whether all have ended. */
    boolean close(Deadline deadline) {
        server.shutdownNow();
        boolean ended = false;
        try {
            ended = server.awaitTermination(Math.max(0, deadline.remainingNanos()), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return eventLoops.close(deadline) && ended;
    }
}
