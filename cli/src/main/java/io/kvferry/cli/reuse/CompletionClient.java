package io.kvferry.cli.reuse;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/**
 * Asks a server for completions, as a stream, and times the tokens.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
public final class CompletionClient implements AutoCloseable {
    private static final long MAX_BYTES = 64 << 20;
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final String server;
    private final URI url;
    private final String model;
    private final Ticker ticker;
    private final Http http = new Http();

    /**
     * Makes a client; nothing is sent yet.
     *
     * @param server what to call the server in messages
     * @param url of its completions
     * @param model what to ask for; empty leaves it to the server
     * @param ticker what the tokens are timed with
     */
    public CompletionClient(String server, URI url, String model, Ticker ticker) {
        this.server = server;
        this.url = url;
        this.model = model;
        this.ticker = ticker;
    }

    /**
     * Asks for the most likely answer.
     *
     * @param prompt what to continue
     * @param maxTokens the longest answer
     * @param deadline until when
     * @return the answer
     * @throws TransferException CONTROL_FAILED if the server cannot be reached or refuses; PROTOCOL_ERROR if what it sends is
     *     no answer; DEADLINE_EXCEEDED
     */
    public Completion complete(String prompt, int maxTokens, Deadline deadline) {
        return complete(prompt, maxTokens, Map.of("temperature", 0), deadline);
    }

    /**
     * Asks for an answer.
     *
     * @param prompt what to continue
     * @param maxTokens the longest answer
     * @param more further fields of the request
     * @param deadline until when
     * @return the answer
     * @throws TransferException as {@link #complete(String, int, Deadline)}
     */
    public Completion complete(String prompt, int maxTokens, Map<String, ?> more, Deadline deadline) {
        Map<String, Object> fields = new LinkedHashMap<>();
        if (!model.isEmpty()) {
            fields.put("model", model);
        }
        fields.put("prompt", prompt);
        fields.put("max_tokens", maxTokens);
        fields.put("stream", true);
        fields.put("stream_options", Map.of("include_usage", true));
        fields.putAll(more);
        HttpRequest request = HttpRequest.newBuilder(url)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(JSON.writeValueAsString(fields)))
                .build();
        Lines lines = new Lines(new CompletionReader(name(), ticker));
        HttpResponse<String> response = http.send(request, lines::handle, MAX_BYTES, deadline);
        if (response.statusCode() != 200) {
            throw new TransferException(
                    TransferErrorCode.CONTROL_FAILED,
                    Stage.TRANSFER,
                    name() + " answered " + response.statusCode() + ": "
                            + CompletionReader.errorMessage(response.body()));
        }
        return lines.end();
    }

    private String name() {
        return "the " + server + " server (" + url + ")";
    }

    /** Feeds the reader with the lines of a good answer, and keeps the text of a bad one. */
    private static final class Lines implements Flow.Subscriber<String> {
        private final CompletionReader reader;
        private final AtomicReference<@Nullable RuntimeException> failure = new AtomicReference<>();

        Lines(CompletionReader reader) {
            this.reader = reader;
        }

        HttpResponse.BodySubscriber<String> handle(HttpResponse.ResponseInfo info) {
            HttpResponse.BodyHandler<String> handler = info.statusCode() == 200
                    ? HttpResponse.BodyHandlers.fromLineSubscriber(this, _ -> "", "\n")
                    : HttpResponse.BodyHandlers.ofString();
            return handler.apply(info);
        }

        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            subscription.request(Long.MAX_VALUE);
        }

        @Override
        public void onNext(String line) {
            if (failure.get() != null) {
                return;
            }
            try {
                reader.line(line);
            } catch (RuntimeException e) {
                failure.set(e);
            }
        }

        @Override
        public void onError(Throwable cause) {
            failure.compareAndSet(
                    null,
                    new TransferException(
                            TransferErrorCode.CONTROL_FAILED,
                            Stage.TRANSFER,
                            "the answer broke off: " + cause.getMessage(),
                            cause));
        }

        @Override
        public void onComplete() {}

        Completion end() {
            RuntimeException failed = failure.get();
            if (failed != null) {
                throw failed;
            }
            return reader.end();
        }
    }

    @Override
    public void close() {
        http.close();
    }
}
