package io.kvferry.control.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.ControllerConfigKeys;
import io.kvferry.control.cluster.KeyScheme;
import io.kvferry.control.cluster.NodeLink;
import io.kvferry.control.cluster.NodeOrder;
import io.kvferry.control.cluster.NodeRegistration;
import io.kvferry.control.cluster.NodeSession;
import io.kvferry.control.cluster.OrderResult;
import io.kvferry.control.cluster.Tier;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.TransferErrorCode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A controller with nodes and its HTTP port, all in this process. */
final class TestCluster implements AutoCloseable {
    static final Duration PATIENCE = Duration.ofSeconds(20);
    static final JsonMapper JSON = JsonMapper.shared();
    static final KeyScheme SCHEME = new KeyScheme("sha256/llama/bf16", 4, 256);

    private final HttpClient client = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(PATIENCE)
            .build();
    private final Controller controller;
    private final ControllerHttp http;

    private TestCluster(Controller controller, ControllerHttp http) {
        this.controller = controller;
        this.http = http;
    }

    static TestCluster open(String... settings) {
        Map<String, String> texts = new HashMap<>(Map.of(
                HttpConfigKeys.LISTEN.name(), "127.0.0.1:0",
                ControllerConfigKeys.PORT.name(), "0",
                ControllerConfigKeys.LEASE.name(), "60s"));
        for (int i = 0; i < settings.length; i += 2) {
            texts.put(settings[i], settings[i + 1]);
        }
        BackendConfig config = BackendConfig.DEFAULTS;
        for (ConfigKey<?> key : keys()) {
            config = set(config, key, texts.remove(key.name()));
        }
        assertThat(texts).as("keys that nobody reads").isEmpty();
        Controller controller = Controller.open(config);
        return new TestCluster(controller, ControllerHttp.open(controller, config));
    }

    private static Set<ConfigKey<?>> keys() {
        Set<ConfigKey<?>> keys = new HashSet<>(Controller.configKeys());
        keys.addAll(HttpConfigKeys.all());
        return keys;
    }

    private static <T> BackendConfig set(BackendConfig config, ConfigKey<T> key, @Nullable String text) {
        return text == null ? config : config.with(key, key.parse(text));
    }

    Controller controller() {
        return controller;
    }

    List<Route> routes() {
        return http.routes();
    }

    int port() {
        return http.address().port();
    }

    /** Registers a node that does every order and says so. */
    NodeSession node(String id, String instance) {
        NodeRegistration registration = new NodeRegistration(
                new PeerIdentity(id, id.hashCode()),
                instance,
                Map.of(NodeRegistration.PEER_CONTROL, "127.0.0.1:7400"),
                SCHEME,
                NodeRegistration.SCHEMA_VERSION,
                "kvferry 0.1.0");
        NodeSession session = controller.connect(registration, new ObedientLink(), Deadline.after(PATIENCE));
        session.takeOrders();
        return session;
    }

    /** Tells what a node holds. */
    static void hold(NodeSession session, int... chunks) {
        byte[] packed = new byte[chunks.length * SCHEME.keyBytes()];
        for (int i = 0; i < chunks.length; i++) {
            packed[i * SCHEME.keyBytes()] = (byte) chunks[i];
        }
        session.beginSync();
        session.addToSync(Tier.HOST, ChunkKeys.of(SCHEME.keyBytes(), packed));
        session.finishSync(Optional.empty());
    }

    URI uri(String path) {
        return URI.create("http://" + http.address() + path);
    }

    HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return send("GET", path, "", "");
    }

    JsonNode json(String path) throws IOException, InterruptedException {
        return JSON.readTree(get(path).body());
    }

    HttpResponse<String> post(String path, String body) throws IOException, InterruptedException {
        return send("POST", path, "application/json", body);
    }

    HttpResponse<String> send(String method, String path, String type, String body)
            throws IOException, InterruptedException {
        var request = java.net.http.HttpRequest.newBuilder(uri(path))
                .timeout(PATIENCE)
                .method(method, body.isEmpty() ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
        if (!type.isEmpty()) {
            request.header("Content-Type", type);
        }
        return client.send(request.build(), BodyHandlers.ofString());
    }

    @Override
    public void close() {
        client.close();
        http.close();
        controller.close();
    }

    private static final class ObedientLink implements NodeLink {
        @Override
        public CompletionStage<OrderResult> send(NodeOrder order, Deadline deadline) {
            return CompletableFuture.completedFuture(OrderResult.done(7));
        }

        @Override
        public void requestSync(String reason) {}

        @Override
        public void end(TransferErrorCode code, String detail) {}
    }
}
