package io.kvferry.cli.reuse;

import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Puts an answer together from the events of a stream. Confined to the thread that reads it. */
final class CompletionReader {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final String DATA = "data:";
    private static final String DONE = "[DONE]";

    private final String server;
    private final Ticker ticker;
    private final long startNanos;
    private final StringBuilder text = new StringBuilder();
    private final List<String> logProbabilities = new ArrayList<>();
    private final List<Long> tokenNanos = new ArrayList<>();
    private int promptTokens = -1;
    private int cachedTokens = -1;
    private boolean done;

    CompletionReader(String server, Ticker ticker) {
        this.server = server;
        this.ticker = ticker;
        this.startNanos = ticker.nanos();
    }

    /** Reads one line; lines that are no data are comments or empty. */
    void line(String line) {
        if (!line.startsWith(DATA) || done) {
            return;
        }
        long now = ticker.nanos();
        String data = line.substring(DATA.length()).strip();
        if (data.equals(DONE)) {
            done = true;
            return;
        }
        JsonNode event = parse(data);
        if (event.has("error")) {
            throw malformed("failed in the middle of an answer: " + errorMessage(event));
        }
        JsonNode usage = event.path("usage");
        promptTokens = usage.path("prompt_tokens").asInt(promptTokens);
        cachedTokens = usage.path("prompt_tokens_details").path("cached_tokens").asInt(cachedTokens);
        JsonNode choice = event.path("choices").path(0);
        if (choice.isObject()) {
            token(choice, now);
        }
    }

    private void token(JsonNode choice, long now) {
        String piece = choice.path("text").asString("");
        boolean last = choice.path("finish_reason").isString();
        if (piece.isEmpty() && last) {
            return; // some servers end with an empty piece
        }
        text.append(piece);
        tokenNanos.add(now);
        choice.path("logprobs").path("token_logprobs").forEach(value -> logProbabilities.add(value.toString()));
    }

    /** Returns the answer once the stream has ended. */
    Completion end() {
        if (!done) {
            throw malformed("broke off an answer after " + tokenNanos.size() + " tokens");
        }
        if (tokenNanos.isEmpty()) {
            throw malformed("answered nothing");
        }
        List<Long> gaps = new ArrayList<>();
        for (int i = 1; i < tokenNanos.size(); i++) {
            gaps.add(tokenNanos.get(i) - tokenNanos.get(i - 1));
        }
        return new Completion(
                text.toString(),
                List.copyOf(logProbabilities),
                promptTokens,
                cachedTokens,
                tokenNanos.getFirst() - startNanos,
                List.copyOf(gaps),
                ticker.nanos() - startNanos);
    }

    private JsonNode parse(String data) {
        try {
            return JSON.readTree(data);
        } catch (JacksonException e) {
            throw malformed("sent an event that is no JSON: " + shortened(data));
        }
    }

    private TransferException malformed(String what) {
        return new TransferException(TransferErrorCode.PROTOCOL_ERROR, Stage.TRANSFER, server + " " + what);
    }

    /** What a server says is wrong: OpenAI's form, FastAPI's, or as it is. */
    static String errorMessage(String body) {
        try {
            return errorMessage(JSON.readTree(body));
        } catch (JacksonException e) {
            return shortened(body);
        }
    }

    private static String errorMessage(JsonNode json) {
        for (JsonNode message :
                List.of(json.path("error").path("message"), json.path("message"), json.path("detail"))) {
            if (message.isString()) {
                return shortened(message.asString());
            }
        }
        return shortened(json.toString());
    }

    private static String shortened(String text) {
        String line = text.strip().replaceAll("\\s+", " ");
        return line.length() <= 200 ? line : line.substring(0, 200) + "…";
    }
}
