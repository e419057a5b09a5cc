package io.kvferry.control.peer;

import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.NettyServerBuilder;
import io.kvferry.control.peer.wire.PeerControlGrpc;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerService;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.netty.channel.ServerChannel;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Listens for peers and hands their calls to the service.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class PeerServer {
    private final Server server;

    private PeerServer(Server server) {
        this.server = server;
    }

    /**
     * Starts to listen.
     *
     * @throws TransferException CONNECTION_FAILED when that is not possible; names the key
     */
    static PeerServer start(
            PeerService service,
            BackendConfig config,
            BackendEnvironment environment,
            PeerTls tls,
            EventLoops eventLoops,
            ExecutorService executor,
            PeerCounters counters) {
        AcceptedConnections connections = new AcceptedConnections(config.get(PeerConfigKeys.MAX_CONNECTIONS), counters);
        InboundCalls inbound = new InboundCalls(service, config, environment, executor, connections, counters);
        String host =
                config.isSet(PeerConfigKeys.BIND_HOST) ? config.get(PeerConfigKeys.BIND_HOST) : environment.bindHost();
        int port = config.get(PeerConfigKeys.PORT);
        Server server = tls.secure(NettyServerBuilder.forAddress(new InetSocketAddress(host, port)))
                .bossEventLoopGroup(eventLoops.group())
                .workerEventLoopGroup(eventLoops.group())
                .channelFactory(() -> {
                    ServerChannel channel = eventLoops.newServerChannel();
                    channel.pipeline().addLast(connections);
                    return channel;
                })
                .directExecutor()
                .addService(serviceOf(inbound))
                .maxInboundMessageSize(Math.toIntExact(config.get(PeerConfigKeys.MAX_MESSAGE_BYTES)))
                .maxConcurrentCallsPerConnection(config.get(PeerConfigKeys.MAX_CALLS_PER_PEER))
                .keepAliveTime(config.get(PeerConfigKeys.KEEPALIVE_INTERVAL).toNanos(), TimeUnit.NANOSECONDS)
                .keepAliveTimeout(config.get(PeerConfigKeys.KEEPALIVE_TIMEOUT).toNanos(), TimeUnit.NANOSECONDS)
                // peers may probe as often as their own configuration says
                .permitKeepAliveTime(1, TimeUnit.SECONDS)
                .permitKeepAliveWithoutCalls(true)
                .maxConnectionIdle(config.get(PeerConfigKeys.IDLE_TIMEOUT).toNanos() * 2, TimeUnit.NANOSECONDS)
                .build();
        try {
            return new PeerServer(server.start());
        } catch (IOException e) {
            server.shutdownNow();
            throw new TransferException(
                    TransferErrorCode.CONNECTION_FAILED,
                    Stage.OPEN,
                    "cannot listen on " + host + " port " + port + " (kvferry.bind-host, kvferry.peer.port): "
                            + e.getMessage(),
                    e);
        }
    }

    private static ServerServiceDefinition serviceOf(InboundCalls inbound) {
        ServerServiceDefinition.Builder builder = ServerServiceDefinition.builder(PeerControlGrpc.SERVICE_NAME);
        for (PeerMethod method : PeerMethod.values()) {
            builder.addMethod(method.descriptor(), new InboundRequests(method, inbound));
        }
        return builder.addMethod(PeerMethod.CHANNEL, new InboundChannels(inbound))
                .build();
    }

    int port() {
        return server.getPort();
    }

    /** Stops listening; calls under way fail. */
    void close(Deadline deadline) {
        server.shutdownNow();
        try {
            server.awaitTermination(Math.max(0, deadline.remainingNanos()), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
