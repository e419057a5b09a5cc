package io.kvferry.cli;

import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "inspect",
        description = {
            "Asks a running 'kvferry node' or 'kvferry serve --http' what it has in hand: each transfer and lease with state,"
                    + " age, stage, peer, last progress, deadline, lanes and quarantined bytes.",
            "Both write the same into their log on the signal USR1 and show it over JMX as io.kvferry:type=Engine."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExample:%n",
        footer = "  kvferry inspect --http 127.0.0.1:7402")
final class InspectCommand implements Callable<Integer> {
    private static final Duration TIMEOUT = Duration.ofSeconds(10);

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--http",
            required = true,
            paramLabel = "HOST:PORT",
            converter = Converters.Address.class,
            description = "What it printed behind 'http'.")
    private PeerAddress http;

    @Option(names = "--json", description = "Print it as JSON: times in milliseconds, sizes in bytes.")
    private boolean json;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    InspectCommand() {}

    @Override
    public Integer call() throws InterruptedException {
        PrintWriter out = spec.commandLine().getOut();
        out.print(ask());
        out.flush();
        return ExitCode.OK;
    }

    private String ask() throws InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(
                        URI.create("http://" + http + (json ? "/inspect.json" : "/inspect")))
                .timeout(TIMEOUT)
                .build();
        try (HttpClient client = HttpClient.newBuilder().connectTimeout(TIMEOUT).build()) {
            HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
            if (response.statusCode() == 200) {
                return response.body();
            }
            throw failure(TransferErrorCode.PROTOCOL_ERROR, "answered " + response.statusCode());
        } catch (HttpTimeoutException e) {
            throw failure(TransferErrorCode.DEADLINE_EXCEEDED, "did not answer in " + TIMEOUT.toSeconds() + " s");
        } catch (IOException e) {
            throw failure(TransferErrorCode.CONNECTION_FAILED, "cannot be reached");
        }
    }

    private TransferException failure(TransferErrorCode code, String problem) {
        return new TransferException(
                code, Stage.TRANSFER, http + " " + problem + "; give the address that it printed behind 'http'");
    }
}
