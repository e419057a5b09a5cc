package io.kvferry.node;

import static io.kvferry.node.NodeBed.prompt;
import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.Await;
import io.kvferry.engine.EngineStatus;
import io.kvferry.engine.StallWatch;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Stage;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.management.ObjectName;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a node says to whoever looks for what is stuck. */
class InspectTest {
    /** LMCache's own names, as its documentation lists them; Prometheus appends {@code _total} to counters. */
    private static final Set<String> LMCACHE = Set.of(
            "num_retrieve_requests",
            "num_store_requests",
            "num_lookup_requests",
            "num_requested_tokens",
            "num_hit_tokens",
            "num_stored_tokens",
            "num_lookup_tokens",
            "num_lookup_hits",
            "lookup_0_hit_requests",
            "num_p2p_requests",
            "num_p2p_transferred_tokens",
            "forced_unpin_count",
            "local_cpu_evict_keys_count",
            "local_cpu_evict_failed_count",
            "local_cache_usage",
            "active_memory_objs_count",
            "pinned_memory_objs_count",
            "time_to_retrieve",
            "time_to_store",
            "time_to_lookup",
            "p2p_time_to_transfer");

    private final NodeBed bed = new NodeBed();

    @AfterEach
    void close() {
        bed.close();
    }

    @Test
    void aStuckTransferIsNamedAtBothSidesWithWhatItWaitsFor() {
        KvNode holder = bed.open("holder");
        KvNode decode = bed.open("decode", Map.of("kvferry.kv.holder-timeout", "1h"));
        CompletableFuture<KvFetch> fetch = stuck(holder, decode);

        bed.ticker.advance(Duration.ofSeconds(3));

        EngineStatus.Entry entry = decode.engine().status().transfers().getFirst();
        assertThat(entry.stage()).isEqualTo(Stage.TRANSFER);
        assertThat(entry.quietNanos()).isEqualTo(Duration.ofSeconds(3).toNanos());
        assertThat(entry.remainingNanos()).isPositive();
        assertThat(decode.inspect())
                .anySatisfy(line -> assertThat(line)
                        .contains("transfer " + entry.id(), "side=INITIATOR", "operation=READ", "stage=TRANSFER")
                        .contains("peer=" + holder.identity(), "last-progress=3000ms", "deadline-in=", "age="));
        assertThat(holder.inspect())
                .anySatisfy(line -> assertThat(line).contains("side=TARGET", "peer=" + decode.identity()))
                .anySatisfy(line -> assertThat(line).contains("lease " + entry.id(), "only-for=decode"));
        unstick(fetch);
    }

    @Test
    void jmxSaysTheSame() throws Exception {
        KvNode holder = bed.open("holder");
        KvNode decode = bed.open("decode", Map.of("kvferry.kv.holder-timeout", "1h"));
        CompletableFuture<KvFetch> fetch = stuck(holder, decode);
        ObjectName name = new ObjectName("io.kvferry:type=Engine,node="
                + ObjectName.quote(decode.identity().toString()));

        Object lines = ManagementFactory.getPlatformMBeanServer().getAttribute(name, "Lines");

        assertThat((String[]) lines).anySatisfy(line -> assertThat(line).contains("stage=TRANSFER"));
        unstick(fetch);
        decode.close(bed.in(60));
        assertThat(ManagementFactory.getPlatformMBeanServer().isRegistered(name))
                .isFalse();
    }

    @Test
    void aTransferThatStandsStillIsToldByItselfAndOnce() {
        KvNode holder = bed.open("holder");
        KvNode decode = bed.open("decode", Map.of("kvferry.kv.holder-timeout", "1h"));
        List<String> told = new CopyOnWriteArrayList<>();
        try (StallWatch _ = StallWatch.start(decode.engine(), Duration.ofSeconds(4), told::add)) {
            CompletableFuture<KvFetch> fetch = stuck(holder, decode);

            bed.ticker.advance(Duration.ofSeconds(3));
            assertThat(told).isEmpty();
            bed.ticker.advance(Duration.ofSeconds(12));
            assertThat(told)
                    .singleElement()
                    .asString()
                    .contains("stage=TRANSFER", "peer=" + holder.identity(), "bytes=0/");
            unstick(fetch);
        }
        bed.ticker.advance(Duration.ofSeconds(60));
        assertThat(told).hasSize(1);
    }

    @Test
    void httpAnswersMetricsAndWhatIsInHand() throws Exception {
        KvNode node = bed.open("node");
        node.put(prompt(2), NodeBed::fill);
        node.lookup(prompt(3), bed.in(1));
        node.fetch(prompt(3), bed.in(1)).close();

        try (NodeHttp http = NodeHttp.start(node, new PeerAddress("127.0.0.1", 0))) {
            assertThat(get(http, "/inspect").body()).startsWith("node " + node.identity());
            assertThat(get(http, "/healthz").statusCode()).isEqualTo(200);
            assertThat(get(http, "/nothing").statusCode()).isEqualTo(404);
            assertThat(get(http, "/inspect/more").statusCode()).isEqualTo(404);
            String metrics = get(http, "/metrics").body();
            assertThat(metrics)
                    .contains("kvferry_kv_requested_tokens_total 12\n")
                    .contains("kvferry_kv_hit_tokens_total{source=\"local\"} 8\n")
                    .contains("kvferry_kv_missed_tokens_total 4\n")
                    .contains("lmcache:num_lookup_hits_total 8\n")
                    .contains("lmcache:num_lookup_tokens_total 12\n");
            assertThat(names(metrics, "lmcache:([a-z0-9_]+)")).containsExactlyInAnyOrderElementsOf(LMCACHE);
            assertThat(names(metrics, "(kvferry_[a-z_]+)")).isNotEmpty();
        }
    }

    @Test
    void programsAreToldTheSameAsJson() throws Exception {
        KvNode holder = bed.open("holder");
        KvNode decode = bed.open("decode", Map.of("kvferry.kv.holder-timeout", "1h"));
        CompletableFuture<KvFetch> fetch = stuck(holder, decode);
        bed.ticker.advance(Duration.ofSeconds(3));

        try (NodeHttp node = NodeHttp.start(decode, new PeerAddress("127.0.0.1", 0));
                NodeHttp engine = NodeHttp.start(holder.engine(), new PeerAddress("127.0.0.1", 0))) {
            HttpResponse<String> json = get(node, "/inspect.json");
            assertThat(json.headers().firstValue("Content-Type")).hasValue("application/json");
            assertThat(json.body())
                    .startsWith("{\"node\":{\"identity\":\"" + decode.identity() + "\"")
                    .contains("\"controllers\":[{\"address\":\"map:1\",\"registered\":true,\"synced\":true,")
                    .contains("\"problem\":\"a \\\"map\\\"\"")
                    .contains("\"side\":\"INITIATOR\"", "\"stage\":\"TRANSFER\"", "\"last_progress_ms\":3000")
                    .contains("\"bytes_done\":0");
            assertThat(get(engine, "/inspect.json").body())
                    .startsWith("{\"engine\":{\"identity\":\"" + holder.identity() + "\"")
                    .contains("\"side\":\"TARGET\"", "\"only_for\":\"decode\"");
            assertThat(get(engine, "/inspect").body()).startsWith("engine " + holder.identity());
            assertThat(get(engine, "/metrics").statusCode()).isEqualTo(404);
        }
        unstick(fetch);
    }

    /** What a client can take is bounded without anybody's help. */
    @Test
    void httpRefusesWhatIsNoShortRequest() throws Exception {
        KvNode node = bed.open("node");
        try (NodeHttp http = NodeHttp.start(node, new PeerAddress("127.0.0.1", 0))) {
            assertThat(raw(http.address(), "POST /inspect HTTP/1.1\r\nContent-Length: 0\r\n\r\n"))
                    .startsWith("HTTP/1.1 405 ");
            assertThat(raw(
                            http.address(),
                            "GET /inspect HTTP/1.1\r\nConnection: close\r\nContent-Length: 2000\r\n\r\n"))
                    .startsWith("HTTP/1.1 413 ");
            assertThat(raw(http.address(), "GET /inspect HTTP/1.1\r\nA: " + "a".repeat(9000) + "\r\n\r\n"))
                    .startsWith("HTTP/1.1 400 ");
            assertThat(raw(http.address(), "\u0000\u0001\u0002 garbage\r\n\r\n"))
                    .startsWith("HTTP/1.1 400 ");
        }
    }

    @Test
    void httpHasRoomForSoManyConnectionsAndEachForSoLong() throws Exception {
        Map<String, HttpPages.Page> pages = Map.of("/", new HttpPages.Page("text/plain", () -> "here"));
        PeerAddress any = new PeerAddress("127.0.0.1", 0);
        List<Socket> idle = new ArrayList<>();
        try (HttpPages http = HttpPages.open(any, pages, Duration.ofHours(1))) {
            for (int i = 0; i < HttpPages.MAX_CONNECTIONS; i++) {
                idle.add(new Socket("127.0.0.1", http.address().port()));
            }
            assertThat(raw(http.address(), ""))
                    .as("one too many is closed at once")
                    .isEmpty();

            idle.removeFirst().close();
            Await.until("its place is free", () -> answers(http.address()));
        } finally {
            for (Socket socket : idle) {
                socket.close();
            }
        }
        try (HttpPages http = HttpPages.open(any, pages, Duration.ofMillis(50))) {
            assertThat(raw(http.address(), "GET / HTTP/1.1\r\nsl"))
                    .as("a slow request")
                    .isEmpty();
        }
    }

    private static boolean answers(PeerAddress http) {
        try {
            return raw(http, "GET / HTTP/1.1\r\n\r\n").startsWith("HTTP/1.1 200 ");
        } catch (IOException e) {
            return false;
        }
    }

    private static String raw(PeerAddress http, String request) throws IOException {
        try (Socket socket = new Socket(http.host(), http.port())) {
            socket.setSoTimeout(20_000);
            socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static List<String> names(String metrics, String type) {
        return Pattern.compile("^# TYPE " + type + " ", Pattern.MULTILINE)
                .matcher(metrics)
                .results()
                .map(match -> match.group(1).replaceFirst("_total$", ""))
                .distinct()
                .collect(Collectors.toList());
    }

    private static HttpResponse<String> get(NodeHttp http, String path) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://" + http.address() + path))
                .timeout(Duration.ofSeconds(10))
                .build();
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(request, HttpResponse.BodyHandlers.ofString());
        }
    }

    /** A fetch of which nothing moves. */
    private CompletableFuture<KvFetch> stuck(KvNode holder, KvNode decode) {
        holder.put(prompt(1), NodeBed::fill);
        bed.backend.stallNext(0);
        CompletableFuture<KvFetch> fetch = Await.start(() -> decode.fetch(prompt(1), bed.in(25)));
        Await.until(
                "it is submitted",
                () -> decode.engine().status().transfers().stream().anyMatch(entry -> entry.stage() == Stage.TRANSFER));
        return fetch;
    }

    private void unstick(CompletableFuture<KvFetch> fetch) {
        Await.advancing("the deadline passes", bed.ticker, Duration.ofMillis(500), fetch::isDone);
        Await.get("fetch", fetch).close();
    }
}
