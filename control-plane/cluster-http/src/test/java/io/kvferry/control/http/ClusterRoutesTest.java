package io.kvferry.control.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

class ClusterRoutesTest {
    private static final String CHAIN = """
            {"scheme": "%s", "keys": ["01000000", "02000000", "03000000"], "later": "fields are left out of account"}""".formatted(TestCluster.SCHEME.name());

    private TestCluster cluster;

    @BeforeEach
    void open() {
        cluster = TestCluster.open();
        TestCluster.hold(cluster.node("prefill-0", "prefill"), 1, 2);
        TestCluster.hold(cluster.node("prefill-1", "prefill"), 1);
    }

    @AfterEach
    void close() {
        cluster.close();
    }

    @Test
    void nodesAreListedAloneAndByInstance() throws Exception {
        assertThat(cluster.json("/v1/nodes").get("nodes").findValuesAsString("id"))
                .containsExactly("prefill-0", "prefill-1");
        assertThat(cluster.json("/v1/nodes/prefill-0").get("state").asString()).isEqualTo("LIVE");
        assertThat(cluster.json("/v1/instances/prefill").get("nodes").size()).isEqualTo(2);
        assertThat(cluster.get("/v1/nodes/nobody").statusCode()).isEqualTo(404);
        assertThat(cluster.get("/v1/instances/nobody").statusCode()).isEqualTo(404);
    }

    @Test
    void lookUpNamesHoldersBestFirst() throws Exception {
        JsonNode answer =
                TestCluster.JSON.readTree(cluster.post("/v1/lookup", CHAIN).body());

        assertThat(answer.get("prefixChunks").asInt()).isEqualTo(2);
        assertThat(answer.get("holders").findValuesAsString("node")).containsExactly("prefill-0", "prefill-1");
    }

    @Test
    void explanationNamesTheFirstMissingChunk() throws Exception {
        JsonNode answer =
                TestCluster.JSON.readTree(cluster.post("/v1/explain", CHAIN).body());

        assertThat(answer.get("firstMissing").asInt()).isEqualTo(2);
        assertThat(answer.get("detail").asString()).isNotEmpty();
    }

    @Test
    void anOrderIsTakenCarriedOutAndCanBeAskedAbout() throws Exception {
        var taken = cluster.post("/v1/orders", """
                {"action": "pin", "keys": ["01000000"], "ttlMillis": 60000, "nodes": ["prefill"]}""");

        assertThat(taken.statusCode()).isEqualTo(202);
        String place = taken.headers().firstValue("Location").orElseThrow();
        String id = place.substring(place.lastIndexOf('/') + 1);
        cluster.controller()
                .whenFinished(id)
                .orElseThrow()
                .get(TestCluster.PATIENCE.toSeconds(), java.util.concurrent.TimeUnit.SECONDS);
        JsonNode order = cluster.json(place);
        assertThat(order.get("done").asBoolean()).isTrue();
        assertThat(order.get("results").propertyNames()).containsExactly("prefill-0", "prefill-1");
        assertThat(order.get("results").get("prefill-0").get("chunks").asInt()).isEqualTo(7);
        assertThat(cluster.json("/v1/orders").get("orders").findValuesAsString("id"))
                .contains(id);
    }

    static Stream<Arguments> badRequests() {
        return Stream.of(
                Arguments.of("/v1/orders", "{\"action\": \"dance\"}", 400, "none of pin, unpin"),
                Arguments.of("/v1/orders", "{}", 400, "action is missing"),
                Arguments.of("/v1/orders", "{\"action\": \"pin\", \"ttlMillis\": 1}", 400, "keys is missing"),
                Arguments.of("/v1/orders", "{\"action\": \"pin\", \"keys\": [\"0g\"], \"ttlMillis\": 1}", 400, ""),
                Arguments.of(
                        "/v1/orders",
                        "{\"action\": \"pin\", \"keys\": [\"00000000\"], \"ttlMillis\": -1}",
                        400,
                        "ttlMillis=-1"),
                Arguments.of("/v1/orders", "{\"action\": \"health\", \"nodes\": [\"nobody\"]}", 404, "nobody"),
                Arguments.of(
                        "/v1/orders",
                        "{\"action\": \"copy\", \"keys\": [\"00000000\"], \"destination\": \"nobody\"}",
                        404,
                        "nobody"),
                Arguments.of("/v1/orders", "{\"action\": \"clear\", \"tier\": \"moon\"}", 400, "none of [DEVICE"),
                Arguments.of("/v1/lookup", "{\"scheme\": \"x\", \"keys\": []}", 400, ""),
                Arguments.of("/v1/lookup", "{\"scheme\": \"x\", \"keys\": [\"00\", \"0000\"]}", 400, "keys of"),
                Arguments.of("/v1/lookup", "{\"scheme\": \"x\", \"keys\": [null]}", 400, "keys is missing"),
                Arguments.of("/v1/lookup", "{\"scheme\": ", 400, "line 1"),
                Arguments.of("/v1/lookup", "null", 400, "null"),
                Arguments.of("/v1/lookup", "[".repeat(10_000), 400, ""),
                Arguments.of("/v1/lookup", "[]", 400, ""),
                Arguments.of("/v1/nowhere", "{}", 404, "/v1/openapi.json"),
                Arguments.of("/v1/nodes", "{}", 405, "GET"));
    }

    @ParameterizedTest
    @MethodSource("badRequests")
    void whatCannotBeDoneIsRefusedWithTheReason(String path, String body, int status, String reason) throws Exception {
        var answer = cluster.post(path, body);

        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
        JsonNode error = TestCluster.JSON.readTree(answer.body());
        assertThat(error.get("detail").asString()).contains(reason);
        assertThat(error.get("code").asString()).isNotEqualTo("INTERNAL");
    }

    @Test
    void aFormOnSomeWebPageCannotGiveOrders() throws Exception {
        assertThat(cluster.send("POST", "/v1/orders", "text/plain", "{\"action\": \"clear\"}")
                        .statusCode())
                .isEqualTo(400);
    }

    @Test
    void healthAndReadinessAreToldApart() throws Exception {
        assertThat(cluster.get("/healthz").statusCode()).isEqualTo(200);
        assertThat(cluster.json("/readyz").get("ready").asBoolean()).isTrue();
        cluster.controller().close();
        assertThat(cluster.get("/healthz").statusCode()).isEqualTo(200);
        assertThat(cluster.get("/readyz").statusCode()).isEqualTo(503);
        assertThat(cluster.post("/v1/orders", "{\"action\": \"health\"}").statusCode())
                .isEqualTo(503);
    }
}
