package io.kvferry.node;

import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.TransferException;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Answers people and tools about a node, or about an engine without one: {@code /inspect} for who looks for what is stuck,
 * {@code /inspect.json} for their programs, {@code /healthz} for who only wants to know that it works, and of a node
 * {@code /metrics} for Prometheus.
 *
 * <p>Its bounds are fixed: 64 connections, one more is closed at once; 8 KiB of header and 1 KiB of body; one request to a
 * connection; 10 seconds from the connection to the last byte of the answer.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class NodeHttp implements AutoCloseable {
    private static final HttpPages.Page HEALTH = text(() -> "ok\n");

    private final HttpPages pages;

    private NodeHttp(HttpPages pages) {
        this.pages = pages;
    }

    /**
     * Starts to answer about a node.
     *
     * @param node who is asked about
     * @param address where to listen; port 0 takes a free one
     * @return closed before the node
     * @throws TransferException CONNECTION_FAILED where the address is in use
     */
    public static NodeHttp start(KvNode node, PeerAddress address) {
        return new NodeHttp(HttpPages.open(
                address,
                Map.of(
                        "/metrics",
                        new HttpPages.Page("text/plain; version=0.0.4; charset=utf-8", node::metrics),
                        "/inspect",
                        text(() -> lines(node.inspect())),
                        "/inspect.json",
                        json(node::inspectJson),
                        "/healthz",
                        HEALTH)));
    }

    /**
     * Starts to answer about an engine of a process that has no node.
     *
     * @param engine what is asked about
     * @param address where to listen; port 0 takes a free one
     * @return closed before the engine
     * @throws TransferException CONNECTION_FAILED where the address is in use
     */
    public static NodeHttp start(TransferEngine engine, PeerAddress address) {
        return new NodeHttp(HttpPages.open(
                address,
                Map.of(
                        "/inspect",
                        text(() -> lines(engine.status().lines())),
                        "/inspect.json",
                        json(() -> InspectJson.of(engine.status())),
                        "/healthz",
                        HEALTH)));
    }

    private static HttpPages.Page text(Supplier<String> body) {
        return new HttpPages.Page("text/plain; charset=utf-8", body);
    }

    private static HttpPages.Page json(Supplier<String> body) {
        return new HttpPages.Page("application/json", body);
    }

    private static String lines(List<String> lines) {
        return String.join("\n", lines) + "\n";
    }

    /**
     * Returns where it listens.
     *
     * @return the address, with the port that was taken
     */
    public PeerAddress address() {
        return pages.address();
    }

    /** Stops to answer. */
    @Override
    public void close() {
        pages.close();
    }
}
