package io.kvferry.backend.mooncake;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Mooncake's HTTP metadata server: values by key, where success is exactly 200. Thread-safe; calls block. */
final class MetadataServerClient implements AutoCloseable {
    private final HttpClient http;
    private final String url;
    private final Duration timeout;

    MetadataServerClient(String url, Duration timeout) {
        this.url = url;
        this.timeout = timeout;
        this.http = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(timeout)
                .build();
    }

    /** Key of a segment; a name with a slash is a key by itself. */
    static String segmentKey(String name) {
        return "mooncake/" + (name.contains("/") ? "" : "ram/") + name;
    }

    /** Key of where a server is dialed. */
    static String serverKey(String name) {
        return "mooncake/rpc_meta/" + name;
    }

    /** Returns the value of a key, or nothing where there is none. */
    Optional<byte[]> get(String key, Deadline deadline) {
        HttpResponse<byte[]> response = send(request(key, deadline).GET(), key);
        return switch (response.statusCode()) {
            case 200 -> Optional.of(response.body());
            case 404 -> Optional.empty();
            default -> throw unexpected("GET", key, response);
        };
    }

    void put(String key, byte[] value, Deadline deadline) {
        HttpResponse<byte[]> response = tryPut(key, value, deadline);
        if (response.statusCode() == 400) {
            // servers differ: some refuse a second value of a server's key, which a crashed process has left behind
            delete(key, deadline);
            response = tryPut(key, value, deadline);
        }
        if (response.statusCode() != 200) {
            throw unexpected("PUT", key, response);
        }
    }

    private HttpResponse<byte[]> tryPut(String key, byte[] value, Deadline deadline) {
        return send(
                request(key, deadline)
                        .header("Content-Type", "application/json")
                        .PUT(HttpRequest.BodyPublishers.ofByteArray(value)),
                key);
    }

    /** Removes a key; one that is not there is as good. */
    void delete(String key, Deadline deadline) {
        HttpResponse<byte[]> response = send(request(key, deadline).DELETE(), key);
        if (response.statusCode() != 200 && response.statusCode() != 404) {
            throw unexpected("DELETE", key, response);
        }
    }

    private HttpRequest.Builder request(String key, Deadline deadline) {
        long nanos = Math.clamp(deadline.remainingNanos(), 1_000_000, timeout.toNanos());
        return HttpRequest.newBuilder(URI.create(url + "?key=" + URLEncoder.encode(key, StandardCharsets.UTF_8)))
                .timeout(Duration.ofNanos(nanos));
    }

    private HttpResponse<byte[]> send(HttpRequest.Builder request, String key) {
        try {
            return http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
        } catch (IOException failed) {
            throw failure(key, failed.toString(), failed);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw failure(key, "interrupted", interrupted);
        }
    }

    private TransferException unexpected(String verb, String key, HttpResponse<byte[]> response) {
        return failure(verb + " " + key, "status " + response.statusCode(), null);
    }

    private TransferException failure(String key, String why, @Nullable Throwable cause) {
        return new TransferException(
                TransferErrorCode.CONTROL_FAILED,
                Stage.PREPARE,
                "metadata server kvferry.mooncake.metadata=" + url + ", " + key + ": " + why,
                cause);
    }

    @Override
    public void close() {
        http.shutdownNow();
    }
}
