package io.kvferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@code kvferry controller --lmcache} in a process of its own. */
@Timeout(180)
class LmCacheCommandTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static final String GREETING = "ff00000000000000007f" + "0300" + "4e554c4c" + "00".repeat(48);
    private static final String READY_AS_REQ = "0419" + "055245414459" + "0b536f636b65742d54797065" + "00000003524551";
    private static final String DELIMITER = "0100";
    private static final int GREETING_BYTES = 64;
    private static final int LONG_FRAME = 2;

    private static Process controller(String ports) throws Exception {
        return new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:+UseSerialGC",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Main.class.getName(),
                        "controller",
                        "--listen",
                        "127.0.0.1:0",
                        "--lmcache",
                        ports,
                        "--http",
                        "0",
                        "--until-stdin-ends"))
                .start();
    }

    /** What it says of itself: the word before each address, and the address. */
    private static Map<String, String> addresses(BufferedReader out) throws Exception {
        Map<String, String> addresses = new HashMap<>();
        for (String line = out.readLine(); line != null; line = out.readLine()) {
            String[] words = line.split(" ");
            for (int i = 0; i + 1 < words.length; i++) {
                addresses.put(words[i], words[i + 1]);
            }
            if (line.startsWith("http ")) {
                return addresses;
            }
        }
        throw new AssertionError("it ended without being ready: " + addresses);
    }

    @Test
    void workersJoinTheClusterAndTheirToolsFindThem() throws Exception {
        Process process = controller("pull=0,reply=0,heartbeat=0");
        try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8);
                HttpClient client = HttpClient.newBuilder()
                        .version(HttpClient.Version.HTTP_1_1)
                        .connectTimeout(PATIENCE)
                        .build()) {
            Map<String, String> addresses = addresses(out);
            String http = addresses.get("http");
            assertThat(register(addresses.get("reply")))
                    .contains("RegisterRetMsg", "\"heartbeat_url\":\"" + addresses.get("heartbeat") + "\"");
            assertThat(get(client, http + "controller/workers").body())
                    .contains("\"total_count\":1", "\"instance_id\":\"i\"");
            assertThat(get(client, http + "v1/nodes").body()).contains("\"id\":\"i/0\"", "\"software\":\"LMCache\"");
            assertThat(get(client, http + "metrics").body())
                    .contains("kvferry_lmcache_frames_total 1.0", "registered_workers_count{role=\"controller\"} 1.0");
            assertThat(post(client, http + "clear", "{\"instance_id\":\"x\",\"location\":\"y\"}"))
                    .isEqualTo(404);
            assertThat(post(client, http + "lookup", "{\"tokens\":[1]}")).isEqualTo(501);

            refusesThePort(addresses.get("pull").replaceAll(".*:", ""));
        } finally {
            process.getOutputStream().close();
            assertThat(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
        }
        assertThat(process.exitValue()).isZero();
    }

    /** Registers as a worker does that asks over a REQ: the bytes of ZMTP 3.0. Returns the answer. */
    private static String register(String address) throws Exception {
        int colon = address.lastIndexOf(':');
        try (Socket socket = new Socket(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)))) {
            socket.setSoTimeout((int) PATIENCE.toMillis());
            DataInputStream in = new DataInputStream(socket.getInputStream());
            socket.getOutputStream().write(HexFormat.of().parseHex(GREETING));
            in.skipNBytes(GREETING_BYTES);
            byte[] message = ("{\"type\":\"RegisterMsg\",\"instance_id\":\"i\",\"worker_id\":0,\"ip\":\"127.0.0.1\","
                            + "\"port\":9,\"peer_init_url\":null}")
                    .getBytes(StandardCharsets.UTF_8);
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            out.writeBytes(HexFormat.of().parseHex(READY_AS_REQ + DELIMITER));
            out.write(0);
            out.write(message.length);
            out.writeBytes(message);
            socket.getOutputStream().write(out.toByteArray());
            skipFrame(in); // READY
            skipFrame(in); // the delimiter
            return new String(in.readNBytes(frameLength(in)), StandardCharsets.UTF_8);
        }
    }

    private static void skipFrame(DataInputStream in) throws IOException {
        in.skipNBytes(frameLength(in));
    }

    private static int frameLength(DataInputStream in) throws IOException {
        return (in.readUnsignedByte() & LONG_FRAME) == 0 ? in.readUnsignedByte() : Math.toIntExact(in.readLong());
    }

    private static void refusesThePort(String taken) throws Exception {
        Process second = controller("pull=" + taken + ",reply=0");
        try (BufferedReader errors = second.errorReader(StandardCharsets.UTF_8)) {
            List<String> complaint =
                    errors.lines().filter(line -> line.startsWith("kvferry")).toList();

            assertThat(complaint).hasSize(1);
            assertThat(complaint.getFirst()).contains("kvferry.lmcache.pull-port=" + taken);
            assertThat(second.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
            assertThat(second.exitValue()).isEqualTo(ExitCode.USAGE);
        } finally {
            second.destroyForcibly();
        }
    }

    private static HttpResponse<String> get(HttpClient client, String url) throws Exception {
        return client.send(
                HttpRequest.newBuilder(URI.create(url)).timeout(PATIENCE).build(), BodyHandlers.ofString());
    }

    private static int post(HttpClient client, String url, String body) throws Exception {
        return client.send(
                        HttpRequest.newBuilder(URI.create(url))
                                .timeout(PATIENCE)
                                .header("Content-Type", "application/json")
                                .POST(BodyPublishers.ofString(body))
                                .build(),
                        BodyHandlers.ofString())
                .statusCode();
    }
}
