package io.kvferry.example.llm;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import io.kvferry.example.llm.kv.PrefixStore;
import io.kvferry.example.llm.model.KvCache;
import io.kvferry.example.llm.model.ModelShape;
import io.kvferry.example.llm.model.Transformer;
import io.kvferry.spi.Ticker;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Serves a model: {@code POST /v1/completions} with or without streaming, {@code GET /v1/models}, {@code /metrics} and {@code
 * /health}.
 *
 * <p><b>Life cycle:</b> {@link #open} answers once the model is warm; {@link #close} ends what is under way.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * <p><b>Ownership:</b> the store stays the caller's and outlives the server.
 */
public final class LlmServer implements AutoCloseable {
    private static final int WARM_UP_TOKENS = 384;

    static {
        // Read once by the JDK's server: tokens shall leave at once, and nobody may hold a connection for ever.
        setDefault("sun.net.httpserver.nodelay", "true");
        setDefault("sun.net.httpserver.maxReqTime", "30");
        setDefault("sun.net.httpserver.maxRspTime", "600");
    }

    private final HttpServer http;
    private final ExecutorService handlers;
    private final ThreadPoolExecutor workers;

    private LlmServer(HttpServer http, ExecutorService handlers, ThreadPoolExecutor workers) {
        this.http = http;
        this.handlers = handlers;
        this.workers = workers;
    }

    private static void setDefault(String property, String value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, value);
        }
    }

    /**
     * Starts a server.
     *
     * @param config how
     * @param store where KV caches are kept
     * @return the server, ready for requests
     * @throws IOException if it cannot listen there
     */
    public static LlmServer open(LlmServerConfig config, PrefixStore store) throws IOException {
        HttpServer http = HttpServer.create(config.listen(), 0);
        Transformer model = Transformer.seeded(config.shape(), config.seed());
        warmUp(model);
        LlmMetrics metrics = new LlmMetrics(config.modelName());
        Generator generator = new Generator(model, store, metrics, config.storeTimeout(), Ticker.system());
        ThreadPoolExecutor workers = new ThreadPoolExecutor(
                config.workers(),
                config.workers(),
                0,
                TimeUnit.SECONDS,
                new ArrayBlockingQueue<>(config.maxRequests()),
                Thread.ofPlatform().daemon().name("llm-worker-", 0).factory());
        ExecutorService handlers = Executors.newThreadPerTaskExecutor(
                Thread.ofVirtual().name("llm-http-", 0).factory());
        http.setExecutor(handlers);
        http.createContext("/v1/completions", new CompletionHandler(config, generator, workers, metrics));
        http.createContext("/v1/models", get(exchange -> Json.reply(exchange, 200, Json.models(config.modelName()))));
        http.createContext("/health", get(exchange -> Json.reply(exchange, 200, "{}")));
        http.createContext("/metrics", get(exchange -> {
            exchange.getResponseHeaders().set("Content-Type", LlmMetrics.CONTENT_TYPE);
            exchange.sendResponseHeaders(200, 0);
            metrics.write(exchange.getResponseBody());
            exchange.getResponseBody().write(store.metrics().getBytes(StandardCharsets.UTF_8));
        }));
        http.createContext("/", exchange -> {
            try (exchange) {
                Json.reply(
                        exchange,
                        404,
                        Json.error(
                                404, "there is no " + exchange.getRequestURI().getPath()));
            }
        });
        http.start();
        return new LlmServer(http, handlers, workers);
    }

    /** The first request shall not pay for what the Java machine learns by running the model. */
    private static void warmUp(Transformer model) {
        ModelShape shape = model.shape();
        int[] tokens = new int[Math.min(WARM_UP_TOKENS, shape.maxTokens() - 8)];
        KvCache cache = new KvCache(shape);
        float[] scores = model.append(cache, tokens);
        for (int i = 0; i < 8; i++) {
            scores = model.append(cache, (int) scores[0] & 0x7F);
        }
    }

    @FunctionalInterface
    private interface Get {
        void answer(HttpExchange exchange) throws IOException;
    }

    private static HttpHandler get(Get handler) {
        return exchange -> {
            try (exchange) {
                if (exchange.getRequestMethod().equals("GET")) {
                    handler.answer(exchange);
                } else {
                    Json.reply(exchange, 405, Json.error(405, "use GET"));
                }
            }
        };
    }

    /**
     * Returns where it listens.
     *
     * @return host and port
     */
    public InetSocketAddress address() {
        return http.getAddress();
    }

    @Override
    public void close() {
        http.stop(0);
        workers.shutdownNow();
        handlers.shutdownNow();
    }
}
