package io.kvferry.cli.reuse;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.function.UnaryOperator;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A server that behaves as vLLM with LMCache does, as far as a client can see, with its habits and its failures. Tokens are of
 * four characters, chunks of 16 tokens.
 */
public final class ScriptedServer implements AutoCloseable {
    static final int CHARACTERS = 4;
    static final int CHUNK = 16;

    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final HttpServer http;
    private final Set<String> own = ConcurrentHashMap.newKeySet();
    private final Map<String, Double> counters = new LinkedHashMap<>();

    /** What the other server has stored. */
    Set<String> others = Set.of();

    String suffix = "_total";
    boolean hasMetrics = true;
    boolean hasLookupCounters = true;
    boolean stores = true;
    double hitsOfAnything;
    double strangersTokens;
    int failWith;
    int missesFirst;
    int restartAtRequest = -1;
    int requests;
    volatile int longestAnswer;
    double started = 1.7e9;
    UnaryOperator<String> stream = text -> text;

    public ScriptedServer() throws IOException {
        http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        http.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        http.createContext("/v1/completions", this::complete);
        http.createContext("/metrics", this::metrics);
        http.start();
    }

    public URI url() {
        return URI.create("http://127.0.0.1:" + http.getAddress().getPort() + "/v1/completions");
    }

    /** Makes this server find what another one stores. */
    public void others(Set<String> stored) {
        others = stored;
    }

    public int longestAnswer() {
        return longestAnswer;
    }

    public Set<String> stored() {
        return own;
    }

    private synchronized void complete(HttpExchange exchange) throws IOException {
        try (exchange) {
            JsonNode request = JSON.readTree(exchange.getRequestBody().readAllBytes());
            requests++;
            if (failWith != 0) {
                reply(exchange, failWith, "{\"object\":\"error\",\"message\":\"CUDA out of memory\",\"code\":500}");
                return;
            }
            if (requests == restartAtRequest) {
                counters.clear();
                own.clear();
                started++;
            }
            String prompt = request.path("prompt").asString();
            int tokens = prompt.length() / CHARACTERS;
            lookUp(prompt, tokens);
            longestAnswer = Math.max(longestAnswer, request.path("max_tokens").asInt());
            StringBuilder answer = new StringBuilder();
            for (int i = 0; i < request.path("max_tokens").asInt(); i++) {
                answer.append(event("\"choices\":[{\"text\":\" w" + i + "\",\"finish_reason\":null}]"));
            }
            answer.append(event("\"choices\":[{\"text\":\"\",\"finish_reason\":\"length\"}]"));
            answer.append(event("\"choices\":[],\"usage\":{\"prompt_tokens\":" + tokens + "}"));
            answer.append("data: [DONE]\n\n");
            exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
            reply(exchange, 200, stream.apply(answer.toString()));
        }
    }

    private static String event(String fields) {
        return "data: {\"id\":\"cmpl-1\",\"object\":\"text_completion\"," + fields + "}\n\n";
    }

    private void lookUp(String prompt, int tokens) {
        int hits = 0;
        boolean misses = missesFirst > 0 && hits(prompt, others) > 0;
        if (misses) {
            missesFirst--;
        } else {
            hits = Math.max(hits(prompt, own), hits(prompt, others));
        }
        count("num_lookup_tokens", tokens + strangersTokens);
        count("num_lookup_hits", Math.max(hits, hitsOfAnything));
        counters.put("retrieve_hit_rate", 1.0);
        if (hits > hits(prompt, own)) {
            count("num_p2p_transferred_tokens", hits);
        }
        if (stores) {
            for (int end = CHUNK * CHARACTERS; end <= prompt.length(); end += CHUNK * CHARACTERS) {
                own.add(prompt.substring(0, end));
            }
            count("num_stored_tokens", tokens - tokens % CHUNK);
        }
    }

    private static int hits(String prompt, Set<String> chunks) {
        int end = 0;
        while (end + CHUNK * CHARACTERS <= prompt.length()
                && chunks.contains(prompt.substring(0, end + CHUNK * CHARACTERS))) {
            end += CHUNK * CHARACTERS;
        }
        return end / CHARACTERS;
    }

    private void count(String name, double by) {
        counters.merge(name + suffix, by, Double::sum);
    }

    private synchronized void metrics(HttpExchange exchange) throws IOException {
        try (exchange) {
            if (!hasMetrics) {
                reply(exchange, 404, "{\"detail\":\"Not Found\"}");
                return;
            }
            StringBuilder page = new StringBuilder("# HELP process_start_time_seconds Start time\n# TYPE x gauge\n"
                    + "process_start_time_seconds " + started + "\n");
            counters.forEach((name, value) -> {
                if (hasLookupCounters || !name.startsWith("num_lookup")) {
                    page.append("lmcache:" + name + "{model_name=\"m{}\",worker_id=\"0\"} " + value + "\n");
                }
            });
            reply(exchange, 200, page.toString());
        }
    }

    private static void reply(HttpExchange exchange, int status, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
    }

    @Override
    public void close() {
        http.stop(0);
    }
}
