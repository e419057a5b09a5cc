package io.kvferry.example.llm;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.example.llm.kv.MemoryPrefixStore;
import io.kvferry.example.llm.kv.Prefix;
import io.kvferry.example.llm.kv.PrefixStore;
import io.kvferry.example.llm.model.KvCache;
import io.kvferry.example.llm.model.ModelShape;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class LlmServerTest {
    private static final ModelShape SHAPE = new ModelShape(2, 2, 16, 32, 32, 600);
    private static final String PROMPT = "It prints what it moved, and how long that took. ".repeat(4);
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final HttpClient client = HttpClient.newHttpClient();
    private PrefixStore store = new MemoryPrefixStore(SHAPE, 100);
    private LlmServer server;

    @AfterEach
    void close() {
        if (server != null) {
            server.close();
        }
        client.close();
    }

    private void open(int maxRequests, Duration requestTimeout) throws Exception {
        server = LlmServer.open(
                new LlmServerConfig(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                        "tiny",
                        SHAPE,
                        1,
                        1,
                        maxRequests,
                        Duration.ofSeconds(10),
                        requestTimeout),
                store);
    }

    private void open() throws Exception {
        open(8, Duration.ofSeconds(30));
    }

    @Test
    void anAnswerWithReusedCacheIsTheOneFromScratchToTheLastBit() throws Exception {
        open();
        String request = body(PROMPT, "\"max_tokens\": 40, \"seed\": 5, \"logprobs\": 1");
        JsonNode first = JSON.readTree(post(request).body());
        JsonNode reused = JSON.readTree(post(request).body());
        JsonNode scratch = JSON.readTree(
                post(request.replace("{", "{\"kv_reuse\": false,")).body());

        assertThat(cached(first)).isZero();
        assertThat(cached(reused)).isEqualTo(192);
        assertThat(cached(scratch)).isZero();
        assertThat(reused.path("choices")).isEqualTo(scratch.path("choices")).isEqualTo(first.path("choices"));
        assertThat(first.path("choices").path(0).path("text").asString()).hasSize(40);
        assertThat(first.path("choices")
                        .path(0)
                        .path("logprobs")
                        .path("token_logprobs")
                        .size())
                .isEqualTo(40);
        assertThat(first.path("usage").path("prompt_tokens").asInt()).isEqualTo(PROMPT.length());
    }

    @Test
    void aStreamHasAnEventForEachTokenThenTheCountsThenTheEnd() throws Exception {
        open();
        String whole = JSON.readTree(post(body(PROMPT, "\"max_tokens\": 5")).body())
                .path("choices")
                .path(0)
                .path("text")
                .asString();

        HttpResponse<String> response = post(
                body(PROMPT, "\"max_tokens\": 5, \"stream\": true, \"stream_options\": {\"include_usage\": true}"));

        assertThat(response.headers().firstValue("Content-Type")).contains("text/event-stream");
        List<String> events = response.body()
                .lines()
                .filter(line -> !line.isEmpty())
                .map(line -> line.substring("data: ".length()))
                .toList();
        assertThat(events).hasSize(7).last().isEqualTo("[DONE]");
        StringBuilder text = new StringBuilder();
        for (String event : events.subList(0, 5)) {
            text.append(
                    JSON.readTree(event).path("choices").path(0).path("text").asString());
        }
        assertThat(text).hasToString(whole);
        assertThat(JSON.readTree(events.get(4))
                        .path("choices")
                        .path(0)
                        .path("finish_reason")
                        .asString())
                .isEqualTo("length");
        assertThat(JSON.readTree(events.get(5))
                        .path("usage")
                        .path("completion_tokens")
                        .asInt())
                .isEqualTo(5);
    }

    @Test
    void askedAndFoundTokensAreCountedUnderTheNamesOfLmCache() throws Exception {
        open();
        post(body(PROMPT, "\"max_tokens\": 2"));
        post(body(PROMPT + "more", "\"max_tokens\": 2"));

        assertThat(get("/metrics").body().lines())
                .contains(
                        "lmcache:num_lookup_requests_total 2.0",
                        "lmcache:num_lookup_tokens_total " + (2.0 * PROMPT.length() + 2),
                        "lmcache:num_lookup_hits_total 192.0",
                        "lmcache:num_stored_tokens_total 192.0",
                        "vllm:generation_tokens_total{model_name=\"tiny\"} 4.0")
                .anyMatch(line -> line.startsWith("process_start_time_seconds 1."));
    }

    @Test
    void aStoreThatFailsIsCountedAndThePromptComputed() throws Exception {
        open();
        String expected = post(body(PROMPT, "\"max_tokens\": 8")).body();
        server.close();
        store = new BrokenStore();
        open();

        HttpResponse<String> response = post(body(PROMPT, "\"max_tokens\": 8"));

        assertThat(JSON.readTree(response.body()).path("choices"))
                .isEqualTo(JSON.readTree(expected).path("choices"));
        assertThat(get("/metrics").body())
                .contains(
                        "kvferry_llm_failed_fetches_total{model_name=\"tiny\"} 1.0",
                        "kvferry_llm_failed_stores_total{model_name=\"tiny\"} 1.0");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            400 | {"prompt": "a", "max_tokens": 0}                      | max_tokens=0 is not a number from 1
            400 | {"prompt": "a", "max_tokens": "many"}                 | max_tokens
            400 | {"prompt": "a", "max_tokens": 600}                    | together more than 600
            400 | {"prompt": "a", "temperature": -1}                    | temperature=-1
            400 | {"prompt": ""}                                        | 'prompt'
            400 | {"prompt": [1, 2]}                                    | 'prompt'
            400 | {"prompt": "a", "stop": "b"}                          | 'stop'
            400 | {"prompt": "a", "n": 2}                               | n=1
            400 | {}                                                    | 'prompt'
            400 | []                                                    | JSON object
            400 | {"prompt":                                            | no JSON
            400 | ``                                                    | no JSON object
            404 | {"prompt": "a", "model": "other"}                     | 'tiny'
            """)
    void aWrongRequestIsToldWhatIsWrong(int status, String request, String named) throws Exception {
        open();
        HttpResponse<String> response = post(request == null ? "" : request);

        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        assertThat(JSON.readTree(response.body()).path("error").path("message").asString())
                .contains(named);
        assertThat(get("/health").statusCode()).isEqualTo(200);
    }

    @Test
    void whatIsNotServedIsSaidSo() throws Exception {
        open();

        assertThat(get("/v1/completions").statusCode()).isEqualTo(405);
        assertThat(get("/nothing").statusCode()).isEqualTo(404);
        assertThat(get("/v1/models").body()).contains("\"id\":\"tiny\"");
        assertThat(post(body("x".repeat(2 << 20), "\"max_tokens\": 1")).statusCode())
                .isEqualTo(413);
    }

    @Test
    void oneMoreThanTheBoundIsRefusedAndTheFirstIsAnswered() throws Exception {
        HeldStore held = new HeldStore();
        store = held;
        open(1, Duration.ofSeconds(30));
        var first = client.sendAsync(request(body(PROMPT, "\"max_tokens\": 1")), HttpResponse.BodyHandlers.ofString());
        held.entered.await(20, TimeUnit.SECONDS);

        HttpResponse<String> second = post(body(PROMPT, "\"max_tokens\": 1"));
        held.release.countDown();

        assertThat(second.statusCode()).isEqualTo(503);
        assertThat(first.get(20, TimeUnit.SECONDS).statusCode()).isEqualTo(200);
        assertThat(get("/metrics").body()).contains("kvferry_llm_refused_requests_total{model_name=\"tiny\"} 1.0");
    }

    @Test
    void aRequestThatTakesTooLongEnds() throws Exception {
        HeldStore held = new HeldStore();
        store = held;
        open(4, Duration.ofMillis(50));

        HttpResponse<String> whole = post(body(PROMPT, "\"max_tokens\": 1"));
        HttpResponse<String> streamed = post(body(PROMPT, "\"max_tokens\": 1, \"stream\": true"));
        held.release.countDown();

        assertThat(whole.statusCode()).isEqualTo(503);
        assertThat(streamed.body()).startsWith("data: {\"error\"").contains("PT0.05S");
    }

    private static int cached(JsonNode answer) {
        return answer.path("usage")
                .path("prompt_tokens_details")
                .path("cached_tokens")
                .asInt(-1);
    }

    private static String body(String prompt, String more) {
        return "{\"prompt\": \"" + prompt + "\", " + more + "}";
    }

    private HttpResponse<String> post(String json) throws Exception {
        return client.send(request(json), HttpResponse.BodyHandlers.ofString());
    }

    private HttpRequest request(String json) {
        return HttpRequest.newBuilder(uri("/v1/completions"))
                .timeout(Duration.ofSeconds(30))
                .POST(HttpRequest.BodyPublishers.ofString(json))
                .build();
    }

    private HttpResponse<String> get(String path) throws Exception {
        return client.send(
                HttpRequest.newBuilder(uri(path))
                        .timeout(Duration.ofSeconds(30))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    private URI uri(String path) {
        return URI.create("http://127.0.0.1:" + server.address().getPort() + path);
    }

    /** Knows everything and can give nothing. */
    private static final class BrokenStore implements PrefixStore {
        @Override
        public Prefix fetch(int[] tokens, KvCache into, Deadline deadline) {
            throw new TransferException(TransferErrorCode.PEER_LOST, Stage.TRANSFER, "gone");
        }

        @Override
        public int publish(int[] tokens, KvCache from, Deadline deadline) {
            throw new TransferException(TransferErrorCode.RESOURCE_EXHAUSTED, Stage.PREPARE, "full");
        }

        @Override
        public String metrics() {
            return "";
        }

        @Override
        public void close() {}
    }

    /** Knows nothing, and takes its time to say so. */
    private static final class HeldStore implements PrefixStore {
        final CountDownLatch entered = new CountDownLatch(1);
        final CountDownLatch release = new CountDownLatch(1);

        @Override
        public Prefix fetch(int[] tokens, KvCache into, Deadline deadline) {
            entered.countDown();
            try {
                if (!release.await(20, TimeUnit.SECONDS)) {
                    throw new IllegalStateException("was not released");
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return Prefix.NONE;
        }

        @Override
        public int publish(int[] tokens, KvCache from, Deadline deadline) {
            return 0;
        }

        @Override
        public String metrics() {
            return "";
        }

        @Override
        public void close() {}
    }
}
