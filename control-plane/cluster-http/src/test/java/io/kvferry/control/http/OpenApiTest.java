package io.kvferry.control.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.control.cluster.NodeStats;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** The description and the program say the same. */
class OpenApiTest {
    private static final Map<String, Class<?>> RECORDS = Map.ofEntries(
            Map.entry("Error", ErrorJson.class),
            Map.entry("Ready", ClusterRoutes.ReadyJson.class),
            Map.entry("Stats", NodeStats.class),
            Map.entry("KeyScheme", NodeJson.KeySchemeJson.class),
            Map.entry("Node", NodeJson.class),
            Map.entry("Nodes", ClusterRoutes.NodesJson.class),
            Map.entry("Index", OverviewJson.IndexJson.class),
            Map.entry("Sample", Sample.class),
            Map.entry("Overview", OverviewJson.class),
            Map.entry("Chain", ChainJson.class),
            Map.entry("Holder", LookupJson.HolderJson.class),
            Map.entry("Lookup", LookupJson.class),
            Map.entry("Explanation", ClusterRoutes.ExplanationJson.class),
            Map.entry("OrderRequest", OrderRequestJson.class),
            Map.entry("Result", OrderJson.ResultJson.class),
            Map.entry("Order", OrderJson.class),
            Map.entry("Orders", ClusterRoutes.OrdersJson.class));

    private final JsonNode document = TestCluster.JSON.readTree(Assets.read("openapi.json"));

    @Test
    void everyRouteIsDescribedAndEveryDescriptionIsARoute() throws Exception {
        try (TestCluster cluster = TestCluster.open()) {
            Set<String> described = new TreeSet<>();
            document.get("paths")
                    .forEachEntry((path, methods) -> methods.propertyNames()
                            .forEach(method -> described.add(method.toUpperCase(Locale.ROOT) + " " + path)));
            Set<String> routes = new TreeSet<>();
            cluster.routes().forEach(route -> routes.add(route.method() + " " + route.template()));
            assertThat(described).isEqualTo(routes);
        }
    }

    @Test
    void everySchemaHasTheFieldsOfItsRecord() {
        JsonNode schemas = document.get("components").get("schemas");
        assertThat(schemas.propertyNames()).containsExactlyInAnyOrderElementsOf(RECORDS.keySet());
        RECORDS.forEach((name, record) -> {
            assertThat(schemas.get(name).get("properties").propertyNames())
                    .as(name)
                    .containsExactly(Arrays.stream(record.getRecordComponents())
                            .map(RecordComponent::getName)
                            .toArray(String[]::new));
            schemas.get(name)
                    .get("required")
                    .forEach(field -> assertThat(
                                    schemas.get(name).get("properties").has(field.asString()))
                            .isTrue());
        });
    }

    @Test
    void everyReferenceLeadsSomewhere() {
        document.findValues("$ref")
                .forEach(reference -> assertThat(
                                document.at(reference.asString().substring(1)).isObject())
                        .as(reference.asString())
                        .isTrue());
    }
}
