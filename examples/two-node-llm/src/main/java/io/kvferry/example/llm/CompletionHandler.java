package io.kvferry.example.llm;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import io.kvferry.example.llm.model.Answer;
import io.kvferry.spi.Deadline;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Answers {@code POST /v1/completions}: reads the request, has a worker compute it, writes what comes. */
final class CompletionHandler implements HttpHandler {
    private static final Logger LOG = LoggerFactory.getLogger(CompletionHandler.class);
    private static final int MAX_BODY = 1 << 20;
    private static final String COMPLETE = "length";

    private final LlmServerConfig config;
    private final Generator generator;
    private final Executor workers;
    private final LlmMetrics metrics;
    private final Semaphore places;

    CompletionHandler(LlmServerConfig config, Generator generator, Executor workers, LlmMetrics metrics) {
        this.config = config;
        this.generator = generator;
        this.workers = workers;
        this.metrics = metrics;
        this.places = new Semaphore(config.maxRequests());
    }

    @Override
    public void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            if (!places.tryAcquire()) {
                refuse(exchange, 503, config.maxRequests() + " requests are open already; try again later");
                return;
            }
            try {
                answer(exchange, read(exchange));
            } catch (RefusedException e) {
                refuse(exchange, e.status(), String.valueOf(e.getMessage()));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } finally {
                places.release();
            }
        }
    }

    private void refuse(HttpExchange exchange, int status, String message) throws IOException {
        metrics.refused();
        Json.reply(exchange, status, Json.error(status, message));
    }

    private CompletionRequest read(HttpExchange exchange) throws IOException {
        if (!exchange.getRequestMethod().equals("POST")) {
            throw new RefusedException(405, "use POST");
        }
        byte[] body = exchange.getRequestBody().readNBytes(MAX_BODY + 1);
        if (body.length > MAX_BODY) {
            throw new RefusedException(413, "the body is longer than " + MAX_BODY + " bytes");
        }
        return CompletionRequest.read(body, config.modelName(), config.shape().maxTokens());
    }

    private void answer(HttpExchange exchange, CompletionRequest request) throws IOException, InterruptedException {
        Deadline deadline = Deadline.after(config.requestTimeout());
        Delivery delivery = new Delivery(request.maxTokens());
        try {
            workers.execute(() -> compute(request, delivery));
        } catch (RejectedExecutionException e) {
            throw new RefusedException(503, "the server is stopping or full; try again later");
        }
        String id = "cmpl-" + UUID.randomUUID();
        try {
            if (request.stream()) {
                stream(exchange, request, id, delivery, deadline);
            } else {
                whole(exchange, request, id, delivery, deadline);
            }
        } finally {
            delivery.abandon();
        }
    }

    private void compute(CompletionRequest request, Delivery delivery) {
        try {
            delivery.end(new Delivery.Item.Complete(generator.answer(request, delivery)));
        } catch (RuntimeException | OutOfMemoryError e) {
            LOG.error("a request failed", e);
            delivery.end(new Delivery.Item.Failed(e.toString()));
        }
    }

    private void whole(
            HttpExchange exchange, CompletionRequest request, String id, Delivery delivery, Deadline deadline)
            throws IOException, InterruptedException {
        List<Answer> answers = new ArrayList<>();
        while (true) {
            switch (delivery.take(deadline)) {
                case Delivery.Item.Token(Answer answer) -> answers.add(answer);
                case Delivery.Item.Complete(Usage usage) -> {
                    String json = Json.completion(
                            id, config.modelName(), answers, request.logProbabilities(), COMPLETE, usage);
                    Json.reply(exchange, 200, json);
                    return;
                }
                case Delivery.Item.Failed(String reason) -> throw new RefusedException(500, reason);
                case null -> throw new RefusedException(503, late());
            }
        }
    }

    private void stream(
            HttpExchange exchange, CompletionRequest request, String id, Delivery delivery, Deadline deadline)
            throws IOException, InterruptedException {
        exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
        exchange.sendResponseHeaders(200, 0);
        OutputStream out = exchange.getResponseBody();
        int sent = 0;
        while (true) {
            switch (delivery.take(deadline)) {
                case Delivery.Item.Token(Answer answer) -> {
                    sent++;
                    event(
                            out,
                            Json.completion(
                                    id,
                                    config.modelName(),
                                    List.of(answer),
                                    request.logProbabilities(),
                                    sent == request.maxTokens() ? COMPLETE : null,
                                    null));
                }
                case Delivery.Item.Complete(Usage usage) -> {
                    if (request.includeUsage()) {
                        event(out, Json.usage(id, config.modelName(), usage));
                    }
                    event(out, "[DONE]");
                    return;
                }
                case Delivery.Item.Failed(String reason) -> {
                    event(out, Json.error(500, reason));
                    return;
                }
                case null -> {
                    event(out, Json.error(503, late()));
                    return;
                }
            }
        }
    }

    private String late() {
        return "the answer was not complete after " + config.requestTimeout();
    }

    private static void event(OutputStream out, String data) throws IOException {
        out.write(("data: " + data + "\n\n").getBytes(StandardCharsets.UTF_8));
        out.flush();
    }
}
