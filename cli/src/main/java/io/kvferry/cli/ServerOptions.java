package io.kvferry.cli;

import io.kvferry.cli.reuse.ReuseServer;
import io.kvferry.spi.Ticker;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** A prefill and a decode server, by option or environment variable. */
final class ServerOptions {
    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(
            names = "--prefill",
            defaultValue = "${env:PREFILL_URL}",
            paramLabel = "URL",
            converter = Converters.Url.class,
            description = "Completions of the prefill server. PREFILL_URL.")
    private @Nullable URI prefill;

    @Option(
            names = "--decode",
            defaultValue = "${env:DECODE_URL}",
            paramLabel = "URL",
            converter = Converters.Url.class,
            description = "Completions of the decode server. DECODE_URL.")
    private @Nullable URI decode;

    @Option(
            names = "--prefill-metrics",
            defaultValue = "${env:PREFILL_METRICS_URL}",
            paramLabel = "URL",
            converter = Converters.Url.class,
            description = "Its metrics. PREFILL_METRICS_URL. Default: /metrics of the same host and port.")
    private @Nullable URI prefillMetrics;

    @Option(
            names = "--decode-metrics",
            defaultValue = "${env:DECODE_METRICS_URL}",
            paramLabel = "URL",
            converter = Converters.Url.class,
            description = "The same of the decode server. DECODE_METRICS_URL.")
    private @Nullable URI decodeMetrics;

    @Option(
            names = "--prefill-log",
            defaultValue = "${env:PREFILL_LOG_FILE}",
            paramLabel = "FILE",
            description = "Its log, read where it has no metrics of LMCache. PREFILL_LOG_FILE.")
    private @Nullable Path prefillLog;

    @Option(
            names = "--decode-log",
            defaultValue = "${env:DECODE_LOG_FILE}",
            paramLabel = "FILE",
            description = "The same of the decode server. DECODE_LOG_FILE.")
    private @Nullable Path decodeLog;

    @Option(
            names = "--model",
            defaultValue = "${env:MODEL_NAME}",
            paramLabel = "NAME",
            description = "The model to ask for. MODEL_NAME. Default: the server's.")
    private @Nullable String model;

    @Option(
            names = "--wait",
            defaultValue = "${env:WAIT_TIME_BETWEEN_REQUESTS:-30s}",
            paramLabel = "DURATION",
            converter = Converters.Seconds.class,
            description = "The longest wait for a server to count what it did; it goes on as soon as it has."
                    + " WAIT_TIME_BETWEEN_REQUESTS, else 30s.")
    private Duration wait;

    @Option(
            names = "--timeout",
            defaultValue = "2m",
            paramLabel = "DURATION",
            converter = Converters.Time.class,
            description = "For each request. Default: ${DEFAULT-VALUE}.")
    private Duration timeout;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    ServerOptions() {}

    /** Two servers; closed together. */
    record Pair(ReuseServer prefill, ReuseServer decode) implements AutoCloseable {
        @Override
        public void close() {
            try {
                decode.close();
            } finally {
                prefill.close();
            }
        }
    }

    /** The servers that were named; empty if none was. One alone is a mistake. */
    Optional<Pair> servers(Ticker ticker) throws IOException {
        URI prefillUrl = prefill;
        URI decodeUrl = decode;
        if (prefillUrl == null && decodeUrl == null) {
            return Optional.empty();
        }
        if (prefillUrl == null || decodeUrl == null) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--prefill and --decode belong together: give the other one with "
                            + (prefillUrl == null ? "--prefill URL or PREFILL_URL" : "--decode URL or DECODE_URL"));
        }
        String name = model == null ? "" : model;
        return Optional.of(new Pair(
                new ReuseServer(
                        new ReuseServer.Address("prefill", prefillUrl, prefillMetrics, prefillLog), name, ticker),
                new ReuseServer(new ReuseServer.Address("decode", decodeUrl, decodeMetrics, decodeLog), name, ticker)));
    }

    Duration longestWait() {
        return wait;
    }

    Duration timeout() {
        return timeout;
    }
}
