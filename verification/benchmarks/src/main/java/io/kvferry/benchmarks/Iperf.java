package io.kvferry.benchmarks;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * {@code iperf3 -l 1M} over loopback, one connection.
 *
 * @param setup where and under which congestion control
 * @param operation write sends from the client as our initiator does, read the other way round
 */
record Iperf(Setup setup, String operation) implements Measurement {
    private static final Duration START = Duration.ofSeconds(15);
    private static final Duration LOOK = Duration.ofMillis(20);
    private static final int WARM_UP_SECONDS = 1;
    private static final String LOOPBACK = "127.0.0.1";

    @Override
    public Sample run() throws IOException {
        String port = String.valueOf(freePort());
        List<String> serve = List.of("iperf3", "-s", "-1", "-B", LOOPBACK, "-p", port, "--forceflush");
        try (Program server = Program.start(setup.folder(), serve)) {
            awaitListening(server);
            String json = Program.run(
                    setup.folder(), client(port), START.plus(setup.seconds().multipliedBy(2)));
            return sample(json, operation, setup.congestion());
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static void awaitListening(Program server) throws IOException {
        for (long looks = START.dividedBy(LOOK); looks > 0 && !server.endsWithin(LOOK); looks--) {
            if (server.output().contains("Server listening")) {
                return;
            }
        }
        throw new IOException("iperf3 does not listen" + server.complaint());
    }

    private List<String> client(String port) {
        List<String> command = new ArrayList<>(List.of("iperf3", "-c", LOOPBACK, "-p", port, "-l", "1M", "-J"));
        command.addAll(List.of("-C", setup.congestion(), "-O", String.valueOf(WARM_UP_SECONDS)));
        command.addAll(List.of("-t", String.valueOf(Math.max(1, setup.seconds().toSeconds()))));
        if (operation.equals("read")) {
            command.add("-R");
        }
        return command;
    }

    /** Reads what iperf3 printed; it asks its own sockets for their congestion control. */
    static Sample sample(String json, String operation, String congestion) throws IOException {
        JsonObject report = JsonParser.parseString(json).getAsJsonObject();
        JsonObject end = report.getAsJsonObject("end");
        for (String side : List.of("sender_tcp_congestion", "receiver_tcp_congestion")) {
            String actual = end.get(side).getAsString();
            if (!actual.equals(congestion)) {
                throw new IOException(
                        "iperf3 " + side + " is " + actual + ", --congestion " + congestion + " was asked for");
            }
        }
        // iperf3 counts processor time from its start, warm-up included
        double bytes = 0;
        double seconds = 0;
        for (JsonElement interval : report.getAsJsonArray("intervals")) {
            JsonObject sum = interval.getAsJsonObject().getAsJsonObject("sum");
            bytes += sum.get("bytes").getAsDouble();
            seconds += sum.get("seconds").getAsDouble();
        }
        JsonObject percent = end.getAsJsonObject("cpu_utilization_percent");
        double gigabytesPerPercent = bytes / 1e9 / (seconds / 100);
        double client = percent.get("host_total").getAsDouble() / gigabytesPerPercent;
        double server = percent.get("remote_total").getAsDouble() / gigabytesPerPercent;
        double bits = end.getAsJsonObject("sum_received").get("bits_per_second").getAsDouble();
        return new Sample(Map.of(
                Sample.BANDWIDTH,
                bits / 8e9,
                Sample.CPU,
                client + server,
                Sample.SENDER_CPU,
                operation.equals("write") ? client : server));
    }
}
