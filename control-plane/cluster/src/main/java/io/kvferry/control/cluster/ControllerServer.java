package io.kvferry.control.cluster;

import io.grpc.Grpc;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.NettyServerBuilder;
import io.kvferry.control.cluster.wire.ClusterGrpc;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.netty.channel.ServerChannel;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
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
    private final AcceptedConnections connections;
    private final Semaphore freeCalls;
    private final Semaphore freeStreams;
    private final Duration defaultTimeout;
    private final Duration storeTimeout;
    private final Duration orderTimeout;
    private final EventLoops eventLoops;
    private final Server server;

    private ControllerServer(
            Controller controller, BackendConfig config, ControllerContext context, Executor blocking) {
        this.controller = controller;
        this.context = context;
        this.blocking = blocking;
        this.connections =
                new AcceptedConnections(config.get(ControllerConfigKeys.MAX_CONNECTIONS), context.counters());
        this.freeCalls = new Semaphore(config.get(ControllerConfigKeys.MAX_INBOUND_CALLS));
        this.freeStreams = new Semaphore(SESSIONS_PER_NODE * config.get(ControllerConfigKeys.MAX_NODES));
        this.defaultTimeout = config.get(ControllerConfigKeys.DEFAULT_TIMEOUT);
        this.storeTimeout = config.get(ControllerConfigKeys.STORE_TIMEOUT);
        this.orderTimeout = config.get(ControllerConfigKeys.ORDER_TIMEOUT);
        this.eventLoops = EventLoops.open("kvferry-controller-io", config.get(ControllerConfigKeys.EVENT_LOOP_THREADS));
        this.server = NettyServerBuilder.forAddress(new InetSocketAddress(
                        config.get(ControllerConfigKeys.BIND_HOST), config.get(ControllerConfigKeys.PORT)))
                .bossEventLoopGroup(eventLoops.group())
                .workerEventLoopGroup(eventLoops.group())
                .channelFactory(() -> {
                    ServerChannel channel = eventLoops.serverChannel().get();
                    channel.pipeline().addLast(connections);
                    return channel;
                })
                .directExecutor()
                .addService(service())
                .maxInboundMessageSize(Math.toIntExact(config.get(ControllerConfigKeys.MAX_MESSAGE_BYTES)))
                .keepAliveTime(PING_INTERVAL.toNanos(), TimeUnit.NANOSECONDS)
                .keepAliveTimeout(PING_TIMEOUT.toNanos(), TimeUnit.NANOSECONDS)
                // nodes may probe as often as their own configuration says
                .permitKeepAliveTime(1, TimeUnit.SECONDS)
                .permitKeepAliveWithoutCalls(true)
                .build();
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

    private ServerServiceDefinition service() {
        UnaryAnswers answers = new UnaryAnswers(controller, orderTimeout);
        return ServerServiceDefinition.builder(ClusterGrpc.SERVICE_NAME)
                .addMethod(bytes(ClusterGrpc.getLookupMethod()), new UnaryCalls(this, true, answers::lookup))
                .addMethod(bytes(ClusterGrpc.getExplainMethod()), new UnaryCalls(this, true, answers::explain))
                .addMethod(bytes(ClusterGrpc.getPlaceOrderMethod()), new UnaryCalls(this, false, answers::placeOrder))
                .addMethod(bytes(ClusterGrpc.getGetOrderMethod()), new UnaryCalls(this, true, answers::getOrder))
                .addMethod(bytes(ClusterGrpc.getListNodesMethod()), new UnaryCalls(this, false, answers::listNodes))
                .addMethod(bytes(ClusterGrpc.getSessionMethod()), (call, _) -> SessionCall.start(call, this))
                .addMethod(bytes(ClusterGrpc.getWatchMethod()), (call, _) -> WatchCall.start(call, this))
                .build();
    }

    static MethodDescriptor<byte[], byte[]> bytes(MethodDescriptor<?, ?> generated) {
        return generated.toBuilder(BytesMarshaller.INSTANCE, BytesMarshaller.INSTANCE)
                .build();
    }

    /** Takes a place for a call that is answered once, or refuses it. Given back by {@link #leaveCall}. */
    boolean enterCall(ServerCall<?, ?> call) {
        return enter(call, freeCalls, "kvferry.controller.max-inbound-calls");
    }

    void leaveCall() {
        freeCalls.release();
    }

    /** Takes a place for a stream, or refuses it. Given back by {@link #leaveStream}. */
    boolean enterStream(ServerCall<?, ?> call) {
        return enter(call, freeStreams, "twice kvferry.controller.max-nodes");
    }

    void leaveStream() {
        freeStreams.release();
    }

    private boolean enter(ServerCall<?, ?> call, Semaphore free, String bound) {
        connections.called(call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR));
        if (free.tryAcquire()) {
            return true;
        }
        context.counters().increment(Counter.REFUSED_CALLS);
        var full = CallErrors.refusal(
                TransferErrorCode.RESOURCE_EXHAUSTED, "calls under way are as many as " + bound + " of the controller");
        call.close(CallErrors.status(full), CallErrors.trailers(full));
        return false;
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
