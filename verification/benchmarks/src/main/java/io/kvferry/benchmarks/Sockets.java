package io.kvferry.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Asks the kernel about the connections of processes, through {@code ss}. */
final class Sockets {
    private static final Duration LIMIT = Duration.ofSeconds(10);
    private static final Pattern PID = Pattern.compile("pid=(\\d+)");
    private static final Pattern SENT = Pattern.compile("bytes_sent:(\\d+)");
    private static final Pattern RECEIVED = Pattern.compile("bytes_received:(\\d+)");

    private final Path folder;
    private final Set<String> algorithms;

    /**
     * One end of a connection.
     *
     * @param process whose it is
     * @param congestion what the socket really runs
     * @param sentBytes what it has sent
     * @param receivedBytes what it has received
     */
    record Socket(long process, String congestion, long sentBytes, long receivedBytes) {}

    Sockets(Path folder, Set<String> algorithms) {
        this.folder = folder;
        this.algorithms = Set.copyOf(algorithms);
    }

    List<Socket> of(Collection<Long> processes) throws IOException {
        String lines = Program.run(folder, List.of("ss", "-HtinpO", "state", "established"), LIMIT);
        return parse(lines).stream()
                .filter(socket -> processes.contains(socket.process))
                .toList();
    }

    List<Socket> parse(String lines) {
        List<Socket> sockets = new ArrayList<>();
        for (String line : lines.lines().toList()) {
            long process = number(PID, line);
            String congestion = Arrays.stream(line.split("\\s+"))
                    .filter(algorithms::contains)
                    .findFirst()
                    .orElse("");
            if (process > 0 && !congestion.isEmpty()) {
                sockets.add(new Socket(process, congestion, number(SENT, line), number(RECEIVED, line)));
            }
        }
        return sockets;
    }

    private static long number(Pattern pattern, String line) {
        Matcher matcher = pattern.matcher(line);
        return matcher.find() ? Long.parseLong(matcher.group(1)) : 0;
    }
}
