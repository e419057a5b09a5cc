package io.kvferry.control.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever comes in, the next one is served. */
class HttpPortTest {
    private static final String END = "Connection: close\r\n\r\n";

    private TestCluster cluster;

    @BeforeEach
    void open() {
        cluster = TestCluster.open(
                HttpConfigKeys.MAX_BODY.name(), "1KiB",
                HttpConfigKeys.MAX_CONNECTIONS.name(), "8",
                HttpConfigKeys.MAX_STREAMS.name(), "1",
                HttpConfigKeys.REQUEST_TIMEOUT.name(), "300ms");
    }

    @AfterEach
    void stillServes() throws Exception {
        assertThat(cluster.get("/healthz").statusCode()).isEqualTo(200);
        cluster.close();
    }

    private Socket connect() throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), cluster.port());
        socket.setSoTimeout((int) TestCluster.PATIENCE.toMillis());
        return socket;
    }

    /** Everything the server says until it closes. */
    private String talk(String text) throws IOException {
        try (Socket socket = connect()) {
            socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    @Test
    void garbageIsRefused() throws IOException {
        assertThat(talk("\u0016\u0003\u0001 this is not HTTP\r\n\r\n")).startsWith("HTTP/1.1 400 ");
        assertThat(talk("GET /%zz HTTP/1.1\r\n" + END)).startsWith("HTTP/1.1 400 ");
    }

    @Test
    void lengthsAreLimited() throws IOException {
        assertThat(talk("GET /" + "x".repeat(5000) + " HTTP/1.1\r\n" + END)).startsWith("HTTP/1.1 414 ");
        assertThat(talk("GET / HTTP/1.1\r\nX: " + "x".repeat(20_000) + "\r\n" + END))
                .startsWith("HTTP/1.1 431 ");
        assertThat(talk("PUT /metadata?key=k HTTP/1.1\r\nContent-Length: 9999999999\r\n" + END))
                .startsWith("HTTP/1.1 413 ");
        assertThat(talk("PUT /metadata?key=k HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + END + "800\r\n"
                        + "x".repeat(2048) + "\r\n0\r\n\r\n"))
                .startsWith("HTTP/1.1 413 ");
    }

    @ParameterizedTest
    @CsvSource({"''", "GET /heal", "'PUT /metadata?key=k HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf'"})
    void whoNeverFinishesARequestIsDisconnected(String beginning) throws IOException {
        assertThat(talk(beginning)).isEmpty();
    }

    @Test
    void requestsOfOneConnectionAreAnsweredInOrder() throws IOException {
        String answers =
                talk("GET /v1/nodes HTTP/1.1\r\n\r\nGET /nowhere HTTP/1.1\r\n\r\nGET /healthz HTTP/1.1\r\n" + END);

        assertThat(Pattern.compile("HTTP/1.1 (\\d+)").matcher(answers).results().map(match -> match.group(1)))
                .containsExactly("200", "404", "200");
    }

    @Test
    void headHasTheLengthButNotTheBody() throws IOException {
        assertThat(talk("HEAD /healthz HTTP/1.1\r\n" + END))
                .contains("content-length: 3\r\n")
                .doesNotContain("ok");
    }

    @Test
    void anotherMethodIsToldTheRightOnes() throws Exception {
        var answer = cluster.send("DELETE", "/v1/orders", "", "");

        assertThat(answer.statusCode()).isEqualTo(405);
        assertThat(answer.headers().firstValue("Allow")).contains("GET, POST");
    }

    @Test
    void moreConnectionsThanAllowedAreClosedAtOnce() throws IOException {
        List<Socket> open = new ArrayList<>();
        try {
            for (int i = 0; i < 8; i++) {
                Socket stream = connect();
                open.add(stream);
                stream.getOutputStream().write("GET /healthz HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                assertThat(stream.getInputStream().read()).isEqualTo('H');
            }
            try (Socket tooMany = connect()) {
                assertThat(tooMany.getInputStream().read()).isEqualTo(-1);
            }
        } finally {
            for (Socket socket : open) {
                socket.close();
            }
        }
    }

    @Test
    void eventsStreamAndOneStreamTooManyIsRefused() throws IOException {
        try (Socket socket = connect()) {
            socket.getOutputStream().write("GET /v1/events HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            BufferedReader lines =
                    new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
            awaitLine(lines, "event: hello");
            assertThat(talk("GET /v1/events HTTP/1.1\r\n" + END)).startsWith("HTTP/1.1 429 ");
            cluster.node("newcomer", "newcomer");
            awaitLine(lines, "event: happened");
            assertThat(lines.readLine())
                    .contains("NODE_REGISTERED", "\"subject\":\"newcomer\"", "\"registration\":{\"bootId\":");
            awaitLine(lines, "event: overview");
        }
    }

    private static void awaitLine(BufferedReader lines, String expected) throws IOException {
        for (String line = lines.readLine(); !expected.equals(line); line = lines.readLine()) {
            assertThat(line).as("the stream ended before " + expected).isNotNull();
        }
    }
}
