package io.kvferry.control.peer;

import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.kvferry.control.grpc.AcceptedConnections;
import io.kvferry.control.grpc.EventLoops;
import io.kvferry.control.grpc.InboundCalls;
import io.kvferry.control.grpc.PortCounters;
import io.kvferry.control.grpc.UnaryCalls;
import io.kvferry.control.peer.wire.PeerControlGrpc;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.PeerService;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
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
            Executor executor,
            PortCounters counters) {
        AcceptedConnections connections = new AcceptedConnections(config.get(PeerConfigKeys.MAX_CONNECTIONS), counters);
        InboundCalls inbound = new InboundCalls(
                new InboundCalls.Limits(
                        config.get(PeerConfigKeys.MAX_INBOUND_CALLS),
                        "kvferry.peer.max-inbound-calls",
                        config.get(PeerConfigKeys.DEFAULT_TIMEOUT),
                        "kvferry.peer.default-timeout"),
                connections,
                counters,
                environment.ticker(),
                environment.scheduler());
        String host =
                config.isSet(PeerConfigKeys.BIND_HOST) ? config.get(PeerConfigKeys.BIND_HOST) : environment.bindHost();
        int port = config.get(PeerConfigKeys.PORT);
        Server server = tls.secure(eventLoops.server(new InetSocketAddress(host, port), connections))
                .addService(serviceOf(service, ChannelLimits.of(config), executor, inbound))
                .maxInboundMessageSize(Math.toIntExact(config.get(PeerConfigKeys.MAX_MESSAGE_BYTES)))
                .maxConcurrentCallsPerConnection(config.get(PeerConfigKeys.MAX_CALLS_PER_PEER))
                .keepAliveTime(config.get(PeerConfigKeys.KEEPALIVE_INTERVAL).toNanos(), TimeUnit.NANOSECONDS)
                .keepAliveTimeout(config.get(PeerConfigKeys.KEEPALIVE_TIMEOUT).toNanos(), TimeUnit.NANOSECONDS)
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

    private static ServerServiceDefinition serviceOf(
            PeerService service, ChannelLimits limits, Executor executor, InboundCalls inbound) {
        ServerServiceDefinition.Builder builder = ServerServiceDefinition.builder(PeerControlGrpc.SERVICE_NAME);
        for (PeerMethod method : PeerMethod.values()) {
            builder.addMethod(
                    method.descriptor(),
                    new UnaryCalls(
                            inbound,
                            method.stage(),
                            executor,
                            (request, deadline) -> answer(service, decode(method, request), deadline)));
        }
        return builder.addMethod(PeerMethod.CHANNEL, new InboundChannels(service, limits, executor, inbound))
                .build();
    }

    private static PeerRequest<?> decode(PeerMethod method, byte[] request) {
        try {
            return MessageDecoder.request(method, request);
        } catch (TransferException e) {
            throw new TransferException(e.error().at(Side.TARGET, ""), e);
        }
    }

    private static <R extends PeerReply> CompletionStage<byte[]> answer(
            PeerService service, PeerRequest<R> request, Deadline deadline) {
        return service.handle(request, deadline).thenApply(MessageEncoder::encode);
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
