package io.kvferry.benchmarks;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * {@code ucx_perftest} over TCP on loopback, one connection.
 *
 * @param setup where and for how long
 * @param test ucp_put_bw or ucp_get
 * @param blockBytes of each operation
 */
record UcxPerftest(Setup setup, String test, long blockBytes) implements Measurement {
    private static final Duration START = Duration.ofSeconds(15);
    private static final Duration LIMIT = Duration.ofSeconds(120);
    private static final Duration LOOK = Duration.ofMillis(20);
    private static final String LOOPBACK = "127.0.0.1";
    /** It counts operations, not seconds: so many bytes a second keep it busy for about as long as it should. */
    private static final long BYTES_A_SECOND = 1L << 30;

    private static final List<String> COMMAND =
            List.of("env", "UCX_TLS=tcp", "UCX_NET_DEVICES=lo", "UCX_WARN_UNUSED_ENV_VARS=n", "ucx_perftest");
    /** Of a line of figures: operations, three latencies in us, two bandwidths in MB/s, two message rates. */
    private static final int COLUMNS = 8;

    private static final int OVERALL_BANDWIDTH = 5;

    @Override
    public Sample run() throws IOException {
        String port = String.valueOf(freePort());
        try (Program server = Program.start(setup.folder(), with("-p", port))) {
            awaitWaiting(server);
            long operations = Math.max(8, setup.seconds().toSeconds() * BYTES_A_SECOND / blockBytes);
            List<String> client = with(
                    LOOPBACK,
                    "-p",
                    port,
                    "-t",
                    test,
                    "-s",
                    String.valueOf(blockBytes),
                    "-n",
                    String.valueOf(operations),
                    "-w",
                    String.valueOf(operations / 4),
                    "-f",
                    "-v");
            return sample(Program.run(setup.folder(), client, LIMIT));
        }
    }

    private static List<String> with(String... arguments) {
        return Stream.concat(COMMAND.stream(), Arrays.stream(arguments))
                .toList();
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static void awaitWaiting(Program server) throws IOException {
        for (long looks = START.dividedBy(LOOK); looks > 0 && !server.endsWithin(LOOK); looks--) {
            if (server.complaint().contains("Waiting for connection")) {
                return;
            }
        }
        throw new IOException("ucx_perftest does not listen" + server.complaint());
    }

    /** Reads the last line of figures; its megabytes have 2^20 bytes. */
    static Sample sample(String output) throws IOException {
        String[] figures = output.lines()
                .map(line -> line.strip().split(",", -1))
                .filter(columns -> columns.length == COLUMNS && columns[0].matches("\\d+"))
                .reduce((_, last) -> last)
                .orElseThrow(() -> new IOException("ucx_perftest printed no figures: " + output));
        return new Sample(
                Map.of(Sample.BANDWIDTH, Double.parseDouble(figures[OVERALL_BANDWIDTH]) * (1 << 20) / 1e9));
    }
}
