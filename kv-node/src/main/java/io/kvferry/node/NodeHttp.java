package io.kvferry.node;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;

/**
 * Answers people and tools about a node: {@code /metrics} for Prometheus, {@code /inspect} for who looks for what is stuck,
 * {@code /healthz} for who only wants to know that it works.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class NodeHttp implements AutoCloseable {
    private static final String TEXT = "text/plain; charset=utf-8";
    private static final String PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8";
    private static final int BACKLOG = 64;

    private final HttpServer server;
    private final ExecutorService executor;

    private NodeHttp(HttpServer server, ExecutorService executor) {
        this.server = server;
        this.executor = executor;
    }

    /**
     * Starts to answer.
     *
     * @param node who is asked about
     * @param address where to listen; port 0 takes a free one
     * @return closed before the node
     * @throws TransferException CONNECTION_FAILED where the address is in use
     */
    public static NodeHttp start(KvNode node, PeerAddress address) {
        limit();
        HttpServer server;
        try {
            server = HttpServer.create(new InetSocketAddress(address.host(), address.port()), BACKLOG);
        } catch (IOException e) {
            throw new TransferException(
                    TransferErrorCode.CONNECTION_FAILED, Stage.OPEN, "cannot listen on " + address + ": " + e, e);
        }
        ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
        server.setExecutor(executor);
        NodeHttp http = new NodeHttp(server, executor);
        http.answer("/metrics", PROMETHEUS, node::metrics);
        http.answer("/inspect", TEXT, () -> String.join("\n", node.inspect()) + "\n");
        http.answer("/healthz", TEXT, () -> "ok\n");
        server.start();
        return http;
    }

    /** The JDK's server bounds nothing unless told so before it is first used. */
    private static void limit() {
        setDefault("jdk.httpserver.maxConnections", "256");
        setDefault("sun.net.httpserver.maxReqTime", "10");
        setDefault("sun.net.httpserver.maxRspTime", "30");
    }

    private static void setDefault(String property, String value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, value);
        }
    }

    private void answer(String path, String type, Supplier<String> body) {
        server.createContext(path, exchange -> {
            try (exchange) {
                if (!exchange.getRequestURI().getPath().equals(path)) {
                    send(exchange, 404, TEXT, "there is /metrics, /inspect and /healthz\n");
                } else if (!exchange.getRequestMethod().equals("GET")) {
                    exchange.getResponseHeaders().set("Allow", "GET");
                    send(exchange, 405, TEXT, "GET only\n");
                } else {
                    send(exchange, 200, type, body.get());
                }
            }
        });
    }

    private static void send(HttpExchange exchange, int status, String type, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", type);
        exchange.sendResponseHeaders(status, bytes.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(bytes);
        }
    }

    /**
     * Returns where it listens.
     *
     * @return the address, with the port that was taken
     */
    public PeerAddress address() {
        InetSocketAddress bound = server.getAddress();
        return new PeerAddress(bound.getHostString(), bound.getPort());
    }

    /** Stops to answer. */
    @Override
    public void close() {
        server.stop(0);
        executor.shutdownNow();
    }
}
