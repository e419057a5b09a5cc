package io.kvferry.control.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.ControllerConfigKeys;
import io.kvferry.control.cluster.HttpExtension;
import io.kvferry.control.cluster.Lookup;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What another front adds to the controller's port. */
class HttpExtensionTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    /** Sends back what it gets, and fails when it is told to. */
    private static final class Echo implements HttpExtension {
        @Override
        public List<Endpoint> endpoints() {
            return List.of(new Endpoint("GET", "/echo"), new Endpoint("POST", "/echo"));
        }

        @Override
        public Answer answer(Endpoint endpoint, Map<String, String> query, byte[] body, Deadline deadline) {
            if (query.containsKey("fail")) {
                throw new TransferException(TransferErrorCode.NOT_FOUND, Stage.TRANSFER, "nobody");
            }
            return new Answer(
                    200, endpoint.method().equals("GET") ? query.toString().getBytes(StandardCharsets.UTF_8) : body);
        }

        @Override
        public List<Metric> metrics() {
            return List.of(
                    new Metric("echo_answers", "Answers.", true, Map.of(), 3),
                    new Metric("echo:depth", "Depth.", false, Map.of("role", "test"), 1.5));
        }

        @Override
        public List<String> remarks(Lookup lookup) {
            return List.of("the echo holds " + lookup.keys().size());
        }
    }

    @Test
    void itsPathsMetricsAndRemarksAreThere() throws Exception {
        BackendConfig config =
                BackendConfig.DEFAULTS.with(ControllerConfigKeys.PORT, 0).with(HttpConfigKeys.LISTEN, "127.0.0.1:0");
        try (Controller controller = Controller.open(config);
                ControllerHttp http = ControllerHttp.open(controller, config, List.of(new Echo()));
                HttpClient client = HttpClient.newBuilder()
                        .version(HttpClient.Version.HTTP_1_1)
                        .connectTimeout(PATIENCE)
                        .build()) {
            String base = "http://" + http.address();

            assertThat(get(client, base + "/echo?a=b").body()).isEqualTo("{a=b}");
            assertThat(post(client, base + "/echo", "application/json", "[1]").body())
                    .isEqualTo("[1]");
            assertThat(post(client, base + "/echo", "text/plain", "[1]").statusCode())
                    .isEqualTo(400);
            assertThat(get(client, base + "/echo?fail=1").statusCode()).isEqualTo(404);
            assertThat(get(client, base + "/echo?fail=1").body()).contains("\"detail\":\"nobody\"");
            assertThat(get(client, base + "/metrics").body())
                    .contains("echo_answers_total 3.0", "echo:depth{role=\"test\"} 1.5");
            assertThat(post(client, base + "/v1/explain", "application/json", "{\"scheme\":\"s\",\"keys\":[\"00\"]}")
                            .body())
                    .contains("NO_NODE", "the echo holds 1");
        }
    }

    private static HttpResponse<String> get(HttpClient client, String url) throws Exception {
        return client.send(
                java.net.http.HttpRequest.newBuilder(URI.create(url))
                        .timeout(PATIENCE)
                        .build(),
                BodyHandlers.ofString());
    }

    private static HttpResponse<String> post(HttpClient client, String url, String type, String body) throws Exception {
        return client.send(
                java.net.http.HttpRequest.newBuilder(URI.create(url))
                        .timeout(PATIENCE)
                        .header("Content-Type", type)
                        .POST(BodyPublishers.ofString(body))
                        .build(),
                BodyHandlers.ofString());
    }
}
