package io.kvferry.control.http;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Requests as Mooncake's transfer engine makes them, in its order. */
class MooncakeMetadataTest {
    private static final String RPC = "mooncake%2Frpc_meta%2F10.0.0.7%3A12345";
    private static final String RAM = "mooncake%2Fram%2F10.0.0.7%3A12345";
    private static final String ADDRESS = "{\"ip_or_host_name\":\"10.0.0.7\",\"rpc_port\":15321}";
    private static final String SEGMENT = "{\"name\":\"10.0.0.7:12345\",\"protocol\":\"tcp\",\"buffers\":[]}";

    private TestCluster cluster;

    @BeforeEach
    void open() {
        cluster = TestCluster.open(HttpConfigKeys.MAX_METADATA_KEYS.name(), "3");
    }

    @AfterEach
    void close() {
        cluster.close();
    }

    private int status(String method, String key, String body) throws Exception {
        return cluster.send(method, "/metadata?key=" + key, body.isEmpty() ? "" : "application/json", body)
                .statusCode();
    }

    private String get(String key) throws Exception {
        return cluster.get("/metadata?key=" + key).body();
    }

    @Test
    void foreign_aProcessStartsIsFoundAndEnds() throws Exception {
        assertThat(status("PUT", RPC, ADDRESS)).isEqualTo(200);
        assertThat(status("GET", RAM, "")).isEqualTo(404);
        assertThat(status("PUT", RAM, SEGMENT)).isEqualTo(200);
        assertThat(status("PUT", RAM, SEGMENT))
                .as("each registration publishes anew")
                .isEqualTo(200);
        assertThat(get(RAM)).isEqualTo(SEGMENT);
        assertThat(get(RPC)).isEqualTo(ADDRESS);
        assertThat(status("DELETE", RPC, "")).isEqualTo(200);
        assertThat(status("DELETE", RAM, "")).isEqualTo(200);
        assertThat(status("DELETE", RAM, "")).isEqualTo(404);
        assertThat(status("GET", RAM, "")).isEqualTo(404);
    }

    @Test
    void foreign_aProcessThatCrashedComesBackUnderItsNameWithoutItsOldBuffers() throws Exception {
        status("PUT", RPC, ADDRESS);
        status("PUT", RAM, SEGMENT);

        assertThat(status("PUT", RPC, ADDRESS.replace("15321", "16001"))).isEqualTo(200);
        assertThat(get(RPC)).contains("16001");
        assertThat(status("GET", RAM, "")).isEqualTo(404);
    }

    @Test
    void foreign_namesOfAClusterAndNamesWithASlashAreForgottenToo() throws Exception {
        String segment = "mooncake%2Fblue%2Frack1%2Fnode";
        status("PUT", segment, SEGMENT);

        status("PUT", "mooncake%2Fblue%2Frpc_meta%2Frack1%2Fnode", ADDRESS);

        assertThat(status("GET", segment, "")).isEqualTo(404);
    }

    @Test
    void foreign_whatIsNoKeyIsRefusedAndKeysAreBounded() throws Exception {
        assertThat(cluster.get("/metadata").statusCode()).isEqualTo(400);
        assertThat(status("PUT", "", ADDRESS)).isEqualTo(400);
        assertThat(status("PUT", "k%00", ADDRESS)).isEqualTo(400);
        assertThat(status("PUT", "k".repeat(600), ADDRESS)).isEqualTo(400);
        for (int i = 0; i < 3; i++) {
            assertThat(status("PUT", "key" + i, "{}")).isEqualTo(200);
        }
        assertThat(status("PUT", "key3", "{}")).isEqualTo(429);
        assertThat(status("PUT", "key2", "{}")).isEqualTo(200);
        assertThat(status("DELETE", "key0", "")).isEqualTo(200);
        assertThat(status("PUT", "key3", "{}")).isEqualTo(200);
    }
}
