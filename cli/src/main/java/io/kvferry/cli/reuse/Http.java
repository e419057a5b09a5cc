package io.kvferry.cli.reuse;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Requests that end: in time, and below a size, whatever the server does.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class Http implements AutoCloseable {
    private final HttpClient client = HttpClient.newBuilder()
            .connectTimeout(Duration.ofSeconds(10))
            .version(HttpClient.Version.HTTP_1_1)
            .build();

    /** Sends a request and waits for the whole answer. */
    <T> HttpResponse<T> send(HttpRequest request, HttpResponse.BodyHandler<T> body, long maxBytes, Deadline deadline) {
        CompletableFuture<HttpResponse<T>> answer =
                client.sendAsync(request, HttpResponse.BodyHandlers.limiting(body, maxBytes));
        try {
            return answer.get(Math.max(0, deadline.remainingNanos()), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            throw late(request.uri(), e);
        } catch (ExecutionException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            if (cause instanceof HttpTimeoutException) {
                throw late(request.uri(), cause);
            }
            throw failed(request.uri() + " does not answer: " + reason(cause), cause);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TransferException(TransferErrorCode.CANCELLED, Stage.TRANSFER, "interrupted", e);
        } finally {
            answer.cancel(true);
        }
    }

    private static String reason(Throwable cause) {
        if (cause instanceof ConnectException) {
            return "nobody listens there";
        }
        String message = cause.getMessage();
        return message == null || message.isEmpty() ? cause.getClass().getSimpleName() : message;
    }

    static TransferException failed(String detail, Throwable cause) {
        return new TransferException(TransferErrorCode.CONTROL_FAILED, Stage.TRANSFER, detail, cause);
    }

    private static TransferException late(URI uri, Throwable cause) {
        return new TransferException(
                TransferErrorCode.DEADLINE_EXCEEDED, Stage.TRANSFER, uri + " did not answer in time", cause);
    }

    @Override
    public void close() {
        client.shutdownNow();
    }
}
